# The bot with everything it needs. Data lives in a volume; nothing runs as root.
FROM debian:trixie-slim

# libgomp1 and libstdc++6 are what the local model's library links to.
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates libgomp1 libstdc++6 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 10001 bot

WORKDIR /app
# Exactly the packages that were locked: pip refuses a file with another hash, and a package not listed.
COPY docs/deploy/requirements.txt ./
RUN python3 -m venv /opt/bot && /opt/bot/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.txt && rm requirements.txt

COPY LICENSE config.toml ./
COPY bot ./bot
RUN /opt/bot/bin/python -m compileall -q bot

RUN mkdir -p /app/data && chown bot:bot /app/data

USER bot
VOLUME /app/data

HEALTHCHECK --interval=30s --timeout=5s --start-period=300s CMD ["/opt/bot/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]

# exec form: SIGTERM reaches the bot itself, which stops within 5 seconds.
CMD ["/opt/bot/bin/python", "-m", "bot", "run", "--config", "/app/config.toml", "--serve"]
