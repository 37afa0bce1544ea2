"""A Discord on loopback over real HTTP and WebSocket, for showing, testing and measuring a bot."""

from bot.sandbox.backend.events import Change
from bot.sandbox.backend.interactions import Interaction
from bot.sandbox.backend.invocations import NotPossible
from bot.sandbox.backend.model import Channel, Guild, Message, Role, User
from bot.sandbox.backend.permissions import Permission
from bot.sandbox.clock import Clock
from bot.sandbox.control import Control
from bot.sandbox.errors import DiscordError
from bot.sandbox.people import Person
from bot.sandbox.place import Place
from bot.sandbox.sandbox import Sandbox

__all__ = [
    "Change",
    "Channel",
    "Clock",
    "Control",
    "DiscordError",
    "Guild",
    "Interaction",
    "Message",
    "NotPossible",
    "Permission",
    "Person",
    "Place",
    "Role",
    "Sandbox",
    "User",
]
