"""Collects the operations on a ``World``: one attribute for each kind of object."""

from bot.sandbox.backend.interactions.commands import CommandRegistry
from bot.sandbox.backend.interactions.interactions import Interactions
from bot.sandbox.backend.interactions.responses import Answers
from bot.sandbox.backend.messages.messages import Messages
from bot.sandbox.backend.messages.polls import Polls
from bot.sandbox.backend.messages.posts import Posts
from bot.sandbox.backend.messages.previews import LinkPreviews
from bot.sandbox.backend.messages.reactions import Reactions
from bot.sandbox.backend.places.channels import Channels
from bot.sandbox.backend.places.guilds import Guilds
from bot.sandbox.backend.places.threads import Threads
from bot.sandbox.backend.world import World


class Backend:
    """All operations on one world, such as ``messages.post``."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.guilds = Guilds(world)
        self.channels = Channels(world)
        self.threads = Threads(world)
        self.polls = Polls(world)
        self.previews = LinkPreviews(world)
        self.messages = Messages(world, self.threads, self.polls, self.previews)
        self.posts = Posts(world, self.threads, self.messages)
        self.reactions = Reactions(world)
        self.commands = CommandRegistry(world)
        self.interactions = Interactions(world)
        self.answers = Answers(world, self.messages, self.interactions)
