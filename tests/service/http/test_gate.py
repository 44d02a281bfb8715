"""The gate that admits requests: bounded places, a bounded queue, and turns that are fair between callers."""

import asyncio
import random
from collections import Counter

import pytest

from service.http.gate import Gate, ShedError


async def hold(gate: Gate, caller: str, done: asyncio.Event, order: list[str] | None = None) -> str:
    """Work until `done`; how it ended."""
    try:
        async with gate.place(caller):
            if order is not None:
                order.append(caller)
            await done.wait()
    except ShedError as error:
        return error.reason
    return "worked"


async def begun(*tasks: asyncio.Task[str]) -> None:
    for _ in range(3 * len(tasks) + 3):
        await asyncio.sleep(0)


async def test_what_finds_neither_a_place_nor_room_in_the_queue_is_shed_at_once() -> None:
    gate, done = Gate(2, 1, 60.0), asyncio.Event()
    tasks = [asyncio.create_task(hold(gate, "a", done)) for _ in range(4)]
    await begun(*tasks)
    assert (gate.at_work, gate.waiting, tasks[3].done()) == (2, 1, True)
    with pytest.raises(ShedError):
        gate.check("a")
    done.set()
    assert Counter(await asyncio.gather(*tasks)) == {"worked": 3, "queue_full": 1}
    assert (gate.at_work, gate.waiting) == (0, 0)


async def test_nobody_waits_longer_than_is_allowed() -> None:
    gate, done = Gate(1, 5, 0.01), asyncio.Event()
    first = asyncio.create_task(hold(gate, "a", done))
    await begun(first)
    assert await hold(gate, "a", done) == "queue_timeout"
    assert (gate.at_work, gate.waiting) == (1, 0)
    done.set()
    assert await first == "worked"


async def test_who_waits_less_takes_the_last_place_of_who_waits_more() -> None:
    gate, done = Gate(1, 3, 60.0), asyncio.Event()
    greedy = [asyncio.create_task(hold(gate, "greedy", done)) for _ in range(4)]
    await begun(*greedy)
    modest = asyncio.create_task(hold(gate, "modest", done))
    await begun(modest)
    assert (gate.waiting, greedy[3].done(), modest.done()) == (3, True, False)
    done.set()
    assert await asyncio.gather(*greedy, modest) == ["worked", "worked", "worked", "queue_full", "worked"]


async def test_a_free_place_goes_to_who_has_fewest() -> None:
    gate, done, order = Gate(1, 9, 60.0), asyncio.Event(), list[str]()
    tasks = []
    for caller in ("greedy", "greedy", "greedy", "modest"):
        tasks.append(asyncio.create_task(hold(gate, caller, done, order)))
        await begun(*tasks)
    done.set()
    await asyncio.gather(*tasks)
    assert order == ["greedy", "greedy", "modest", "greedy"]


async def test_one_caller_never_has_all_places_where_there_are_others() -> None:
    gate, done = Gate(4, 9, 60.0, places_a_caller=2), asyncio.Event()
    greedy = [asyncio.create_task(hold(gate, "greedy", done)) for _ in range(6)]
    await begun(*greedy)
    assert (gate.at_work, gate.waiting) == (2, 4)
    modest = asyncio.create_task(hold(gate, "modest", done))
    await begun(modest)
    assert gate.at_work == 3
    done.set()
    assert set(await asyncio.gather(*greedy, modest)) == {"worked"}


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_places_and_queue_are_kept_and_given_back(seed: int) -> None:
    chance, gate, most = random.Random(seed), Gate(3, 4, 0.005, places_a_caller=2), 0

    async def work(caller: str) -> None:
        nonlocal most
        async with gate.place(caller):
            most = max(most, gate.at_work)
            assert gate.at_work <= 3 and gate.waiting <= 4
            await asyncio.sleep(chance.random() / 200)

    tasks = []
    for _ in range(150):
        tasks.append(asyncio.create_task(work(chance.choice("abc"))))
        if chance.random() < 0.3:
            chance.choice(tasks).cancel()
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() / 500)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ends} <= {type(None), ShedError, asyncio.CancelledError}
    assert (most, gate.at_work, gate.waiting) == (3, 0, 0)
