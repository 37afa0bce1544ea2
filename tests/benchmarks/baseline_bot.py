"""The smallest bot on discord.py and the official SDK; it stores nothing.

Usage: the addresses of Discord's API, of its gateway, and of the model; the token is in the
environment.
"""

import os
import sys
import time

import discord
import yarl
from discord.gateway import DiscordWebSocket
from openai import AsyncOpenAI, AsyncStream

EDIT_SECONDS = 1.1
LIMIT = 2_000


class Bot(discord.Client):
    """Answers mentions, growing its reply every other second."""

    def __init__(self, model_url: str) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__(intents=intents)
        self.model = AsyncOpenAI(base_url=model_url, api_key="none")
        self.said: dict[int, list[dict[str, str]]] = {}

    async def on_message(self, message: discord.Message) -> None:
        """Answer a mention."""
        if message.author.bot or self.user not in message.mentions:
            return
        history = self.said.setdefault(message.channel.id, [])
        history.append({"role": "user", "content": message.clean_content})
        reply = await message.reply("thinking…")
        text, last = "", time.monotonic()
        stream = await self.model.chat.completions.create(
            model="fake",
            messages=history,  # type: ignore[arg-type]  # plain dictionaries do
            stream=True,
        )
        assert isinstance(stream, AsyncStream)
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                text += chunk.choices[0].delta.content
            if text and time.monotonic() - last > EDIT_SECONDS:
                last = time.monotonic()
                await reply.edit(content=text[:LIMIT])
        await reply.edit(content=text[:LIMIT])
        history.append({"role": "assistant", "content": text})


if __name__ == "__main__":
    api, gateway, model = sys.argv[1:]
    discord.http.Route.BASE = api
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    Bot(model).run(os.environ["DISCORD_TOKEN"], log_handler=None)
