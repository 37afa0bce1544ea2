# The bot with everything it needs. Data lives in a volume; nothing runs as root; the root file system
# may be read-only, with a small /tmp.
FROM debian:trixie-slim AS build

RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates

# Exactly the packages that were locked: pip refuses a file with another hash, and a package not listed.
COPY docs/deploy/requirements.txt /tmp/
RUN python3 -m venv /opt/bot \
    && /opt/bot/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r /tmp/requirements.txt

COPY bot /app/bot
# The image's root file system is read-only: compile now, so that each start is fast.
RUN cd /app && /opt/bot/bin/python -m compileall -q bot


FROM debian:trixie-slim

# libgomp1 and libstdc++6 are what the local model's library links to.
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 ca-certificates libgomp1 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 bot

COPY --from=build /opt/bot /opt/bot
COPY --from=build /app/bot /app/bot
COPY LICENSE config.toml /app/

WORKDIR /app
RUN mkdir /app/data && chown bot:bot /app/data

USER bot
VOLUME /app/data

HEALTHCHECK --interval=30s --timeout=5s --start-period=300s CMD ["/opt/bot/bin/python", "-m", "bot", "health", "--config", "/app/config.toml"]

# exec form: SIGTERM reaches the bot itself, which stops within 5 seconds.
CMD ["/opt/bot/bin/python", "-m", "bot", "run", "--config", "/app/config.toml", "--serve"]
