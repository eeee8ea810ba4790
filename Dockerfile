# The collector: `docker build -t infraprism .`, then `docker run -p 4318:4318 -v infraprism:/data
# -e INFRAPRISM_API_KEY=ip-... infraprism`. It holds no key and no data of its own.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --no-compile '.[collector]'

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home infraprism && install -d -o infraprism -g infraprism /data
COPY --from=build /app /app
USER 10001
WORKDIR /data
VOLUME /data
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 \
    INFRAPRISM_HOST=0.0.0.0 INFRAPRISM_PORT=4318 INFRAPRISM_DATABASE=/data/infraprism.duckdb \
    INFRAPRISM_LOG_FORMAT=json
EXPOSE 4318
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4318/readyz', timeout=5)"]
ENTRYPOINT ["infraprism"]
CMD ["serve"]
