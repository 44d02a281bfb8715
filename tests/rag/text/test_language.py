"""A language is told by its script or its frequent words, and English is taken for no other."""

import json
from pathlib import Path

import pytest

from rag.text.language import language_of, name_of

SENTENCES = {
    "de": ["Wie wirkt Koffein auf den Schlaf von Schichtarbeitern?", "Welche Methoden senken den mittleren Fehler?",
           "Gibt es Studien über Vitamin D und Stürze?", "Koffein verkürzt den Schlaf um 34 %.",
           "Was ist ein Diffusionsmodell?", "Warum werden Sprachmodelle nach dem Training verkleinert?",
           "Hat Yoga einen Einfluss auf Blutdruck?", "Das Netz wurde mit 120 Bildern trainiert."],
    "fr": ["Quel est l'effet de la caféine sur le sommeil ?", "Quelles méthodes réduisent les erreurs de prévision ?",
           "Comment les réseaux sont-ils entraînés ?",
            "La vitamine D réduit-elle les chutes chez les personnes âgées ?",
           "Pourquoi le modèle est-il plus rapide ?", "Les patients ont été suivis pendant un an."],
    "es": ["¿Cuál es el efecto de la cafeína sobre el sueño?", "¿Qué métodos reducen los errores de predicción?",
           "¿Cómo se entrena el modelo?", "Los pacientes con diabetes tienen más riesgo.",
           "¿Cuántos participantes se incluyeron en el ensayo?", "El modelo reduce el error en un 12 %."],
    "it": ["Qual è l'effetto della caffeina sul sonno di chi lavora di notte?",
            "Quali sono i metodi che riducono gli errori?",
           "Come si addestra il modello con pochi dati?", "Il modello è più veloce di quello di base.",
           "Quanti pazienti sono stati inclusi nello studio?", "Perché la rete non generalizza alla lingua parlata?"],
    "pt": ["Qual é o efeito da cafeína no sono?", "Quais são os métodos que reduzem os erros?",
           "Como o modelo é treinado com poucos dados?", "Os pacientes não foram acompanhados por um ano.",
           "O modelo reduz o erro em 12 %.", "Quantos participantes foram incluídos no estudo?"],
    "zh": ["图神经网络模型将误差降低了多少？", "咖啡因对睡眠有什么影响？", "GNN 模型在 CIFAR-10 上的准确率是多少？"],
    "ja": ["カフェインは睡眠にどのような影響を与えますか。", "拡散モデルとは何ですか。", "誤差はどれだけ減少したか。"],
    "ko": ["카페인은 수면에 어떤 영향을 미칩니까?", "확산 모델이란 무엇입니까?"],
    "ru": ["Как кофеин влияет на сон?", "Какие методы уменьшают ошибку модели BERT?"],
    "ar": ["ما هو تأثير الكافيين على النوم؟", "كم عدد المرضى في الدراسة؟"],
    "el": ["Ποια είναι η επίδραση της καφεΐνης στον ύπνο;"],
    "he": ["מה ההשפעה של קפאין על שינה?"],
    "hi": ["नींद पर कैफीन का क्या प्रभाव है?"],
    "th": ["คาเฟอีนมีผลต่อการนอนหลับอย่างไร"],
    "en": ["How does caffeine change sleep?", "Does TNF-α lower IL-1β and α-synuclein?", "vitamin D falls",
            "FID on CIFAR-10?",
           "in vivo and in vitro effects of die-cast alloys",
            "What did the Los Angeles cohort of La Niña years show?",
           "Who proposed the Fréchet distance, and did Schrödinger et al. use it?",
            "per capita intake a la carte", "", "12.5%",
           "Do an ion's on-site energies depend on pH as in water?", "van der Waals forces",
            "El Niño effects on rice",
           "De novo protein design", "α β γ δ", "Non-small cell lung cancer", "das Dasein", "no se effect"],
}  # fmt: skip


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SENTENCES.items() for text in texts])
def test_the_language_of_a_sentence(code: str, text: str) -> None:
    assert language_of(text) == code


def test_no_question_in_english_is_taken_for_another_language() -> None:
    files = sorted((Path(__file__).parents[3] / "eval" / "data").glob("*.jsonl"))
    questions = [json.loads(line)["question"] for file in files for line in file.read_text("utf-8").splitlines()]
    assert len(questions) > 600
    assert [question for question in questions if language_of(question) != "en"] == []


def test_a_language_has_a_name() -> None:
    assert [name_of(code) for code in SENTENCES][:2] == ["German", "French"]
