"""A Discord on loopback over real HTTP and WebSocket, for showing, testing and measuring a bot."""

from bot.sandbox.backend.interactions.interactions import Interaction
from bot.sandbox.backend.interactions.invocations import NotPossible
from bot.sandbox.backend.state.events import Change
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Guild, Role, User
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.clock import SandboxClock
from bot.sandbox.demo_panel import DemoPanel
from bot.sandbox.errors import DiscordError
from bot.sandbox.guild import SandboxGuild
from bot.sandbox.people.person import Person
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.troubles import Troubles

__all__ = [
    "Change",
    "Channel",
    "DemoPanel",
    "DiscordError",
    "DiscordMessage",
    "Guild",
    "Interaction",
    "NotPossible",
    "Permission",
    "Person",
    "Role",
    "Sandbox",
    "SandboxClock",
    "SandboxGuild",
    "Troubles",
    "User",
]
