"""The first versions of the schema of bot.db; a released migration never changes."""

from typing import Final

from bot.store.database import Migration, script

_QUESTIONS_AND_TURNS: Final = script(
    """
    CREATE TABLE links (
        channel_id INTEGER PRIMARY KEY,
        guild_id INTEGER,
        parent_id INTEGER NOT NULL,
        listening INTEGER NOT NULL,
        private INTEGER NOT NULL,
        thread_id TEXT,
        created_at REAL NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel_id INTEGER NOT NULL REFERENCES links (channel_id),
        guild_id INTEGER,
        state TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        pickups INTEGER NOT NULL,
        reply_to INTEGER NOT NULL,
        fallback INTEGER NOT NULL,
        thread_id TEXT,
        run_id TEXT,
        canceller_id INTEGER,
        canceller_name TEXT,
        outcome TEXT,
        error TEXT,
        tokens INTEGER,
        created_at REAL NOT NULL,
        started_at REAL NOT NULL,
        ended_at REAL
    ) STRICT
    """,
    """
    CREATE TABLE questions (
        id INTEGER PRIMARY KEY,
        channel_id INTEGER NOT NULL,
        home_id INTEGER REFERENCES links (channel_id),
        guild_id INTEGER,
        author_id INTEGER NOT NULL,
        author_name TEXT NOT NULL,
        content TEXT NOT NULL,
        attachments TEXT NOT NULL,
        fallback INTEGER NOT NULL DEFAULT 0,
        received_at REAL NOT NULL,
        withdrawn_at REAL,
        turn_id INTEGER REFERENCES turns (id),
        thread_id TEXT,
        message_id TEXT
    ) STRICT
    """,
    """
    CREATE TABLE parts (
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        number INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        PRIMARY KEY (turn_id, number)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """
    CREATE INDEX questions_waiting ON questions (home_id, id)
    WHERE turn_id IS NULL AND withdrawn_at IS NULL
    """,
    "CREATE INDEX questions_of_turn ON questions (turn_id, id)",
    "CREATE INDEX questions_of_home ON questions (home_id, author_id)",
    "CREATE INDEX turns_of_channel ON turns (channel_id, id)",
    "CREATE INDEX turns_of_guild ON turns (guild_id, id)",
    "CREATE INDEX turns_open ON turns (channel_id) WHERE ended_at IS NULL",
    "CREATE INDEX turns_of_run ON turns (run_id) WHERE run_id IS NOT NULL",
    "CREATE INDEX parts_of_message ON parts (message_id)",
)
"""Version 1: links, turns, questions, parts of replies, and facts."""

_READ_MARKERS: Final = script(
    """
    CREATE TABLE seen (
        channel_id INTEGER PRIMARY KEY,
        guild_id INTEGER,
        message_id INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX seen_of_guild ON seen (guild_id)",
)
"""Version 2: the last message seen in each channel."""

_QUESTIONS_OF_CHANNEL: Final = script("CREATE INDEX questions_of_channel ON questions (channel_id)")
"""Version 3: finds the questions that were asked in a channel."""

_LOCALES: Final = script(
    """
    CREATE TABLE locales (
        owner TEXT NOT NULL CHECK (owner IN ('guild', 'user')),
        id INTEGER NOT NULL,
        locale TEXT NOT NULL,
        PRIMARY KEY (owner, id)
    ) STRICT, WITHOUT ROWID
    """,
)
"""Version 4: the locales of servers and members."""

_VOTES: Final = script(
    """
    CREATE TABLE rated_answers (
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        attempt INTEGER NOT NULL,
        thread_id TEXT,
        run_id TEXT,
        question TEXT NOT NULL,
        answer TEXT,
        revision INTEGER NOT NULL,
        reported INTEGER NOT NULL,
        PRIMARY KEY (turn_id, attempt)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE votes (
        turn_id INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        member_id INTEGER NOT NULL,
        helpful INTEGER NOT NULL,
        reason TEXT,
        voted_at REAL NOT NULL,
        PRIMARY KEY (turn_id, attempt, member_id),
        FOREIGN KEY (turn_id, attempt) REFERENCES rated_answers (turn_id, attempt)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX rated_answers_unreported ON rated_answers (turn_id) WHERE reported < revision",
    # The answer that a question continues, as "turn.attempt": one question continues an answer.
    "ALTER TABLE questions ADD COLUMN continues TEXT",
    """
    CREATE UNIQUE INDEX questions_continuing ON questions (continues) WHERE continues IS NOT NULL
    """,
)
"""Version 5: votes on answers, and the questions that continue an answer."""

_CHANNEL_TITLES: Final = script(
    """
    CREATE TABLE channel_titles (
        channel_id INTEGER PRIMARY KEY REFERENCES links (channel_id),
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        thread_id TEXT,
        title TEXT,
        settled INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX channel_titles_open ON channel_titles (turn_id) WHERE NOT settled",
)
"""Version 6: the titles that the model gives to channel threads."""

_POINTERS: Final = script(
    # JSON that bot.chat defines: what a question points at, and what could not be read of it.
    "ALTER TABLE questions ADD COLUMN points_to TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE questions ADD COLUMN unread TEXT NOT NULL DEFAULT '[]'",
    # Whether texts of the question are on its thread, to be searched.
    "ALTER TABLE questions ADD COLUMN documents INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX questions_with_documents ON questions (home_id) WHERE documents",
    # Messages of others that are shown to the model beside a question.
    """
    CREATE TABLE bystanders (
        thread_id TEXT NOT NULL,
        message_id INTEGER NOT NULL,
        question_id INTEGER NOT NULL REFERENCES questions (id),
        home_id INTEGER NOT NULL,
        posted_id TEXT,
        PRIMARY KEY (thread_id, message_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX bystanders_of_message ON bystanders (message_id)",
    "CREATE INDEX bystanders_of_question ON bystanders (question_id)",
)
"""Version 7: the messages that a question points at, bystanders, and threads with documents."""

_EDITS: Final = script(
    # How often a question was edited, and which wording of it is on the thread.
    "ALTER TABLE questions ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE questions ADD COLUMN posted_revision INTEGER NOT NULL DEFAULT 0",
    # Whether the question may have the reaction of a question that waits.
    "ALTER TABLE questions ADD COLUMN marked INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE chores (
        id INTEGER PRIMARY KEY,
        channel_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        place TEXT NOT NULL,
        target TEXT NOT NULL,
        UNIQUE (kind, place, target)
    ) STRICT
    """,
    "CREATE INDEX chores_of_channel ON chores (channel_id, id)",
)
"""Version 8: edited questions, the reaction of waiting, and chores."""

_SETTINGS: Final = script(
    """
    CREATE TABLE place_settings (
        place_id INTEGER NOT NULL,
        guild_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (place_id, name)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE assistants (
        id TEXT PRIMARY KEY,
        guild_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        model TEXT NOT NULL,
        creator_id INTEGER NOT NULL,
        created_at REAL NOT NULL,
        deleting INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX assistants_of_guild ON assistants (guild_id, name COLLATE NOCASE)",
    """
    CREATE TABLE assistant_drafts (
        id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL,
        creator_id INTEGER NOT NULL,
        assistant_id TEXT,
        name TEXT NOT NULL,
        model TEXT NOT NULL,
        submission TEXT,
        created_at REAL NOT NULL
    ) STRICT
    """,
)
"""Version 9: settings of places, and the assistants of servers."""

_ACCESS_RULES: Final = script(
    # Who may use the bot in a server, as its managers decided.
    """
    CREATE TABLE access_rules (
        guild_id INTEGER NOT NULL,
        target_id INTEGER NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('member', 'role', 'channel')),
        allowed INTEGER NOT NULL,
        PRIMARY KEY (guild_id, target_id)
    ) STRICT, WITHOUT ROWID
    """,
    # When a person was last told why the bot does not answer.
    "CREATE TABLE told_refusals (user_id INTEGER PRIMARY KEY, told_at REAL NOT NULL) STRICT",
)
"""Version 10: access rules, and who was told of a refusal."""

_REMOVED_GUILDS: Final = script(
    """
    CREATE TABLE removed_guilds (
        guild_id INTEGER PRIMARY KEY,
        removed_at REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX questions_of_author ON questions (author_id)",
)
"""Version 11: servers that removed the bot, and are forgotten after a while."""

_FRESH_STARTS: Final = script(
    # The newest turn that does not belong to the channel's present conversation.
    "ALTER TABLE links ADD COLUMN begins_after INTEGER NOT NULL DEFAULT 0",
)
"""Version 12: conversations that begin anew."""

_QUOTES: Final = script(
    # Which questions quote which messages of others, and who wrote those; 0 where unknown.
    """
    CREATE TABLE quotes (
        message_id INTEGER NOT NULL,
        question_id INTEGER NOT NULL REFERENCES questions (id),
        author_id INTEGER NOT NULL,
        PRIMARY KEY (message_id, question_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX quotes_of_author ON quotes (author_id)",
    "CREATE INDEX quotes_of_question ON quotes (question_id)",
    "ALTER TABLE bystanders ADD COLUMN author_id INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX bystanders_of_author ON bystanders (author_id)",
)
"""Version 13: which questions quote which messages, and the authors of those messages."""

FIRST_VERSIONS: Final[tuple[Migration, ...]] = (
    _QUESTIONS_AND_TURNS,
    _READ_MARKERS,
    _QUESTIONS_OF_CHANNEL,
    _LOCALES,
    _VOTES,
    _CHANNEL_TITLES,
    _POINTERS,
    _EDITS,
    _SETTINGS,
    _ACCESS_RULES,
    _REMOVED_GUILDS,
    _FRESH_STARTS,
    _QUOTES,
)
