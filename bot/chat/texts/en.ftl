# Every sentence that a Discord member reads, in English. Syntax: https://projectfluent.org
# A message that begins with "-# " is a small note; the answer above the note is quoted without it.

## Replies

thinking = thinking…
ahead =
    { thinking }
    -# { $count ->
        [one] { $count } other is answered before this.
       *[other] { $count } others are answered before this.
    }
ahead-about =
    { thinking }
    -# About { $count } others are answered before this.
empty-answer = The model gave an empty answer. Ask again, in other words.
documents-cut = -# This model can't search files, so it read only the beginning of { $names }.
without-tools = -# This model can't use tools, so it answered without searching files or running code.
incomplete = -# The answer reached its length limit and was cut off. Ask me to go on.
incomplete-continue = -# The answer reached its length limit and was cut off. Press Continue to go on.
ran-code = ran code
running-code = running code
searched-files = searched files
searching-files = searching files
searched-counted = { $files ->
    [one] searched { $files } file
   *[other] searched { $files } files
}
searching-counted = { $files ->
    [one] searching { $files } file
   *[other] searching { $files } files
}
called = called { $name }
calling = calling { $name }
one-of-calls = { $call } ({ $number } of { $count })
earlier-calls = -# … { $count } earlier
cancelled = -# Cancelled.
cancelled-by = -# Cancelled by { $name }.
no-channel-thread = -# I can't open a thread here, so I answer in the channel.
whole-answer-in-file = -# This is the beginning. The whole answer is in the file { $name }.
pictures-refused = -# Discord didn't take the pictures of this answer, so the formulas are shown as text.
files-refused = -# Discord didn't take these files: { $names }.
files-too-large = -# Too large to attach here: { $names }.
files-unreadable = -# These files can't be read any more: { $names }.
sources = -# Sources: { $list }
question-deleted = -# The question was deleted, so I stopped.
reply-deleted = -# A part of this answer was deleted, so I stopped.
restarting = -# I'm restarting and will go on with this answer in a moment.
answer-goes-on = -# This takes longer than 15 minutes. The answer will still come here.
answer-too-late = -# This takes longer than the 15 minutes in which Discord lets me answer here. The answer will be in `/{ runs-command } { runs-show-command }` under #{ $number }; or use `/{ ask-command }` here again, I'll remember.
answer-undelivered = Discord didn't let me answer your `/{ ask-command }`: I took longer than 15 minutes, or was away. Look for the answer with `/{ runs-command } { runs-show-command }` under #{ $number }, or ask again.
answer-to-ask = -# To the question that { $names } asked by `/{ ask-command }`.

## Buttons

cancel-button = Cancel
write-button = Write
person-button = Ask a person
retry-button = Retry
continue-button = Continue
again-button = Answer again
steps-button = Show steps
newer-button = Newer
older-button = Older

## Buttons under an answer

continue-question = Continue exactly where your last answer was cut off.
too-late-to-continue = This answer was already continued, or a newer question came. To go on, write what you want to know.
upvoted = Thanks for the 👍. You can change your vote at any time.
downvoted = Thanks, your 👎 is stored. You can change your vote at any time.
vote-on-unknown-answer = I no longer know this answer, so I can't store your vote.
# Discord takes 45 characters for the title and the label, 100 for the hint.
question-form = Ask me
question-form-question = Your question
question-form-files = Files
question-form-empty = Write a question, or add a file.
question-quoted = **{ $name } asks:**
form-given-back = This is what you wrote:
write-hint = -# To go on here, press Write or mention me: I can't read other messages.
reason-form = What was wrong with this answer?
reason-form-reason = Your reason
    .description = The operator of this bot reads it. You may leave it empty: your vote is stored already.
steps-gone = The steps of this answer were deleted, or a newer attempt replaced them.
steps-unreachable = I couldn't reach the assistant's server, so I can't show the steps. Try again later.
steps-in-file = -# Shortened; the file has everything.
step-answer = answer
step-thoughts = -# thoughts
step-failed = -# This step failed.
step-cancelled = -# This step was cancelled.
step-expired = -# This step took too long and was stopped.
tokens-in-and-out = { $tokens } tokens ({ $prompt } in, { $completion } out)

## What could not be read of a question

unread = -# Not read: { $parts }
unread-named = { $name } ({ $why })
unread-more = { $count } more
unread-too_large = larger than { $limit }
unread-too_much = too much to read
unread-gone = no longer on Discord
unread-not_given = Discord didn't hand it out
unread-unsupported = I can't read this kind of file
unread-broken = damaged, or not what its name says
unread-locked = protected by a password
unread-no_text = no text in it
unread-no_image = no image that I can read
unread-refused = the assistant's server didn't take it
unread-beginning_only = I read its beginning only
unread-no_transcription = I can't listen to audio here
unread-transcription_failed = I couldn't listen to it right now
unread-no_audio = no audio that I understand
unread-no_speech = no words in it
unread-deleted_reply = the message you replied to was deleted
unread-hidden_reply = I can't read the message you replied to
unread-hidden_forward = I can't read anything in the forwarded message

## Questions that are not taken

empty-question = Hi! Write your question after my name, like “@{ $name } what is a good name for a cat?”, and I'll answer.
role-mentioned = I can read only messages that mention me myself, not my role. Write your question after @{ $name }.
queue-full = { $most } questions are already waiting here, so I can't take this one. Ask again after my next answer.
not-saved = I couldn't save your question, so I won't answer it. Ask again in a few minutes.
unreadable-message = Discord sent me this message in a form that I can't read, so I won't answer it. Send it again as plain text.
some-missed = -# I was offline and missed more messages here than I can read. I answer the newest; ask the others again.
undelivered = I couldn't post the answer in <#{ $channel }>: I may no longer write there, or the channel is gone. Ask a moderator to let me write there; then ask again.
undelivered-for = I couldn't post the answer for { $names } in <#{ $channel }>: I may no longer write there, or the channel is gone. Ask a moderator to let me write there; then ask again.

## Who may use the bot

refused-message = I didn't answer [your message]({ $url }): { $why } I write this once a day at most.
refused-direct_messages = I don't answer in direct messages. Ask me in a server.
refused-user_installs = I can't be used through your own account here. Ask me in a server that has me.
refused-server = The operator of this bot hasn't enabled it for this server.
refused-channel = The operator of this bot hasn't enabled it for this channel.
refused-member = The operator of this bot doesn't let you use it.
refused-channel_by_server = The managers of this server haven't enabled me for this channel.
refused-member_by_server = The managers of this server don't let you use me. Ask them for access.
refused-left = You have left the server.
limit-span-day = today
limit-span-month = this month
limit-total = I have used up my whole budget for { $span }. Ask again <t:{ $until }:R>.
limit-server = This server has used up its budget for { $span }. Ask again <t:{ $until }:R>.
limit-channel = This channel has used up its budget for { $span }. Ask again <t:{ $until }:R>.
limit-member = You have used up your budget for { $span }. Ask again <t:{ $until }:R>.
limit-in-use = The answers that are being written may use up the rest of the budget. Ask again when they are finished.
limit-rate = You have asked very often; { $most } questions a minute are allowed. Ask again in { $wait }.
limit-runs = Waiting until other answers are finished…

access-command = access
    .description = Decide who may use the bot in this server
access-show-command = show
    .description = Show who may use the bot here
access-allow-command = allow
    .description = Allow a member, a role or a channel; others of that kind are refused then
    .who = who
    .who-description = A member or a role
    .channel = channel
    .channel-description = A channel with its threads, or a category
access-deny-command = deny
    .description = Deny a member, a role or a channel
    .who = who
    .who-description = A member or a role
    .channel = channel
    .channel-description = A channel with its threads, or a category
access-remove-command = remove
    .description = Remove the rule about a member, a role or a channel
    .who = who
    .who-description = A member or a role
    .channel = channel
    .channel-description = A channel with its threads, or a category
access-open = Everybody in this server may use me, in every channel.
access-allowed-people = Only these may use me: { $names }
access-denied-people = These may not use me: { $names }
access-allowed-channels = I can be used only in: { $names }
access-denied-channels = I can't be used in: { $names }
access-operator = -# The operator of this bot has rules, too. They come before those of this server.
access-nothing-named = Name a member, a role or a channel.
access-no-rule = There is no rule about { $names }.
access-kept-by-operator = The operator of this bot has allowed { $names }, so this server can't deny that. Nothing was changed.
access-full = This server has { $most } rules, and there can't be more. Remove some first, or use roles instead of members.
only-in-servers = Use this command in a server.
needs-manage-server = Only members with Manage Server can use this command.
and-more = { $count } more

## What is stored of a member

forget-button = Forget everything
privacy-command = privacy
    .description = What I have stored about you
privacy-show-command = show
    .description = Show what I have stored about you
privacy-export-command = export
    .description = Get everything that I have stored about you as a file
privacy-forget-command = forget
    .description = Have me forget everything that I have stored about you
privacy-questions = Your questions: { $count }, each with its answer, your name then, the channel and the time
privacy-files = Files in them: { $count }
privacy-votes = Your votes on answers: { $count }
privacy-calls = Functions that I called for you: { $count }, with arguments and outputs
privacy-tokens = Tokens that your questions used: { $count }
privacy-schedules = Your schedules and reminders: { $count }, each with its question and channel
privacy-locale = The language of your Discord: { $locale }
privacy-rules = Rules and limits that managers of servers set about you: { $count }
privacy-how-to = -# `/{ privacy-command } { privacy-export-command }` hands all of it out, `/{ privacy-command } { privacy-forget-command }` deletes it.
privacy-export = Everything that I have stored about you. Only you see this message.
privacy-export-too-large = Your data is larger than a file may be here. Ask the operator of this bot for it.
privacy-confirm = I delete your questions, my answers to you alone, their files, your votes, your schedules and your language: here and at the assistant's server, in all servers. I can't bring them back.
privacy-forgotten = { $count ->
    [0] Nothing of your questions is stored any more.
    [one] I have forgotten { $count } question of yours, with its answer and files, your votes and your language.
   *[other] I have forgotten { $count } questions of yours, with their answers and files, your votes and your language.
}
privacy-forgotten-later = The assistant's server doesn't answer right now. It deletes its part as soon as it does.
privacy-remains-sums = What remains: sums of tokens without your name, and the numbers of your messages, so that I don't answer them again. Where others ask, too, the record of the tools that were called for you stays with the conversation, and an answer to several members stays for the others.
privacy-remains-discord = Your messages and my replies on Discord stay until somebody deletes them there.
privacy-remains-rules = Rules that managers of servers set about you stay: they are the servers' own.
privacy-remains-backups = Backups that the operator of this bot made elsewhere may still have your data until they are deleted.
privacy-remains-backup = Backups that the operator of this bot made still have your data until they are deleted. The newest was made { $time }.

## Settings of a server

settings-command = settings
    .description = Set up the bot for this server
settings-show-command = show
    .description = Show the settings of this server
settings-set-command = set
    .description = Change settings of this server
    .language = language
    .language-description = The language of my public messages
    .time_zone = time_zone
    .time_zone-description = The time zone of dates, such as Europe/Berlin
    .alert_channel = alert_channel
    .alert_channel-description = Where I tell the managers of this server about trouble
    .retention_days = retention_days
    .retention_days-description = After how many days I forget questions and answers
settings-reset-command = reset
    .description = Reset a setting of this server
    .setting = setting
    .setting-description = The setting to reset
settings-language-choice =
    .automatic = the server's own language
    .en = English
    .ja = 日本語
settings-setting-choice =
    .language = language
    .time_zone = time zone
    .alert_channel = alert channel
    .retention_days = days until I forget
settings-language-is = Language: { $chosen }
settings-language-automatic = Language: { $chosen } (as Discord says; not set here)
settings-time-zone-is = Time zone: { $zone } ({ $time } now)
settings-alerts-are = Messages about trouble go to <#{ $channel }>.
settings-no-alerts = No channel is set for messages about trouble.
settings-retention-is = { $days ->
    [one] I forget questions and answers after { $days } day.
   *[other] I forget questions and answers after { $days } days.
}
settings-no-retention = I keep questions and answers until somebody deletes them.
settings-nothing-to-set = Name what you want to change.
settings-no-time-zone = I know no time zone { $name }. Choose one from the list, such as Europe/Berlin or Asia/Tokyo.
cannot-write-there = I can't write in <#{ $channel }>. Let me view it and send messages there; then try again.

## Schedules

schedule-command = schedule
    .description = Have questions asked at set times, and set reminders
schedule-add-command = add
    .description = Have a question asked daily, weekly, monthly or by a cron expression
    .text = text
    .text-description = The question
    .repeat = repeat
    .repeat-description = How often
    .time = time
    .time-description = The time of day, such as 9:30 (in this server's time zone)
    .weekday = weekday
    .weekday-description = The day, for weekly
    .day = day
    .day-description = The day of the month, for monthly (31: the last day)
    .cron = cron
    .cron-description = Five fields, for cron, such as 0 9 * * 1-5
    .channel = channel
    .channel-description = Where I answer (this channel if you name none)
schedule-remind-command = remind
    .description = Have me remind you here once
    .when = when
    .when-description = Such as 2 hours, 18:30, tomorrow 9:00, friday 8 pm or 2026-12-24 18:00
    .text = text
    .text-description = What to remind you of
schedule-list-command = list
    .description = Show your schedules and reminders, and those of this channel
schedule-run-command = run
    .description = Ask a schedule's question now
    .schedule = schedule
    .schedule-description = The schedule's number
schedule-pause-command = pause
    .description = Pause a schedule, or let a paused one go on
    .schedule = schedule
    .schedule-description = The schedule's number
schedule-delete-command = delete
    .description = Delete a schedule
    .schedule = schedule
    .schedule-description = The schedule's number
schedule-repeat-choice =
    .daily = daily
    .weekly = weekly
    .monthly = monthly
    .cron = by a cron expression
schedule-weekday-choice =
    .monday = Monday
    .tuesday = Tuesday
    .wednesday = Wednesday
    .thursday = Thursday
    .friday = Friday
    .saturday = Saturday
    .sunday = Sunday
schedule-daily = daily at { $time }
schedule-weekly = every { $day } at { $time }
schedule-monthly = monthly on day { $day } at { $time }
schedule-month-end = on the last day of each month at { $time }
schedule-by-cron = by cron `{ $cron }`
schedule-once = once, { $when }
schedule-line = **#{ $number }** { $rule } in <#{ $channel }>, by <@{ $creator }>: { $text }
schedule-next = · next { $when }
schedule-paused = · paused
schedule-last-problem = Nothing was asked the last time: { $why }
schedule-problem =
    .gone = The channel is gone, or I can't see it any more.
    .no-access = Whoever added the schedule can't see the channel any more, or can't write there.
    .broken = I can't read when this schedule asks. Delete it, and add it anew.
    .missed = The time passed while I was away.
    .handed-over = A person answers in that thread.
    .queue-full = Too many questions wait in the channel.
schedule-added =
    { $line }
    -# Time zone: { $zone }
schedule-runs = I ask it now in <#{ $channel }>.
schedule-deleted = Schedule #{ $number } is deleted.
no-schedules = There are no schedules of yours, nor of this channel. Add one with `/{ schedule-command } { schedule-add-command }`, or a reminder with `/{ schedule-command } { schedule-remind-command }`.
no-such-schedule = There is no schedule { $number } that you may change. `/{ schedule-command } { schedule-list-command }` shows yours.
schedules-full = There are { $most } schedules already, which is the most. Delete one first.
schedule-no-text = A schedule needs a question.
schedule-no-time = Name the time of day, such as 9:30, 21:30 or 9:30 pm.
schedule-no-weekday = Name the weekday of a weekly schedule.
schedule-no-day = Name the day of the month of a monthly schedule, 1 to 31.
schedule-no-cron = A cron expression has five fields: minute, hour, day of the month, month, weekday. For example, 0 9 * * 1-5 is 9:00 from Monday to Friday.
schedule-never = No time fits that cron expression.
schedule-too-often = { $minutes ->
    [one] A schedule may ask once in { $minutes } minute at most.
   *[other] A schedule may ask once in { $minutes } minutes at most.
}
schedule-no-text-channel = I can't answer a schedule in such a channel. Choose a text channel or a thread.
schedule-not-yours-to-write = You can't write in <#{ $channel }>, so I won't answer you there.
reminder-no-moment = I can't read when that is. Write 2 hours, 18:30, tomorrow 9:00, friday 8 pm or 2026-12-24 18:00, for example.
reminder-past = That moment has passed already.
reminder-too-far = That is too far away: I remember for ten years at most.
reminder-no-text = Tell me what to remind you of.
reminders-full = You have { $most } reminders already, which is the most. Delete one first with `/{ schedule-command } { schedule-delete-command }`.
reminder-note = -# ⏰ Reminder for <@{ $member }>: { $text }
asked-on-schedule = -# 🗓️ { $name } asked on a schedule: { $text }

## Approval of function calls

tools-command = tools
    .description = What my assistant may do, and what was decided
tools-list-command = list
    .description = Show what this channel's assistant may do for you, and why not
tools-log-command = log
    .description = Show who decided what about function calls in this server
tools-may =
    .allow = ✓ **{ $name }**: may be called
    .ask = ✋ **{ $name }**: asks before each call, as the operator's rules say
    .ask-writes = ✋ **{ $name }**: asks before each call, because it can change something
    .deny = ✗ **{ $name }**: is not allowed here, as the operator's rules say
    .missing = ✗ **{ $name }**: I don't have this function
no-tools = The assistant of this channel calls no functions.
tools-unreachable = I can't ask the assistant's server right now. Try again in a minute.
tools-log-line = { $when } **{ $name }** in <#{ $channel }> (#{ $turn }): { $decision }
tools-decision =
    .allow = allowed by a rule
    .deny = denied by a rule
    .ask = asked
    .once = allowed once by { $who }
    .conversation = allowed for the conversation by { $who }
    .allowed_before = allowed for the conversation before
    .denied = denied by { $who }
    .late = nobody decided in time
no-tool-decisions = Nothing was decided about function calls in this server yet.
approval-asks = 🔐 May I call **{ $name }** for { $asker }?
approval-in-file = The arguments are in the file.
approval-button =
    .once = Allow once
    .conversation = Allow for this conversation
    .deny = Deny
    .reason = Deny with a reason
approval-decided = Decided
approval-ended =
    .once = -# ✓ Allowed once by { $name }
    .conversation = -# ✓ Allowed for this conversation by { $name }
    .denied = -# ✗ Denied by { $name }. { $reason }
    .withdrawn = -# Nobody decided before the answer was cancelled.
approval-decided-before = { $name } has decided that already. Nothing was changed.
approval-too-old = That call can't be decided any more. Nothing was changed. Ask the assistant again.
approval-not-yours = You can't decide about this call. Only those who asked, and the people whom the operator chose, can.
approval-form = Deny the call
approval-form-reason = Reason
    .description = The assistant reads the reason
after-approval = -# 🔐 This answers the decision about a function call.

## Why a turn failed

failure-unreachable = I couldn't reach the assistant's server, so there is no answer. Retry in a few minutes.
failure-refused = The assistant's server refused this request. Retry, or ask in other words. If it fails again, tell the operator of this bot.
failure-not_allowed =
    The assistant's server refused this bot's key. { $told ->
        [yes] { -operator-told-retry }
       *[no] Only the operator of this bot can fix that; press Retry afterwards.
    }
failure-assistant_gone =
    The assistant that answers here no longer exists. { $told ->
        [yes] { -operator-told-retry }
       *[no] The operator of this bot has to choose another one; press Retry afterwards.
    }
failure-chosen_assistant_gone = The assistant chosen for this place no longer exists. A moderator can choose another one with `/{ assistant-command } { assistant-use-command }`; press Retry afterwards.
failure-busy = Another program is using this conversation, so I can't answer yet. Retry in a few minutes.
failure-rate_limited = The model is getting too many requests right now. Retry in a minute.
failure-rejected = The model's server refused this request. Ask in other words, or retry.
failure-model_key =
    The model's server refused this bot's key. { $told ->
        [yes] { -operator-told }
       *[no] { -operators-task }
    }
failure-model_credit =
    The account that pays for the model has no credit left. { $told ->
        [yes] { -operator-told }
       *[no] { -operators-task }
    }
failure-model_missing =
    The model that answers here can't be found. { $told ->
        [yes] { -operator-told }
       *[no] { -operators-task }
    }
failure-model_tools =
    The model that answers here can't use the tools that this needs. { $told ->
        [yes] { -operator-told }
       *[no] { -operators-task }
    }
failure-ability = The model can't do something that your question needs, such as look at an image. Ask again without it.
failure-too_long = This conversation is longer than the model can read. Start a new conversation.
failure-content = The model's content rules refused this. Ask in other words; if that is refused too, start a new conversation.
failure-model_failed = The model failed before it finished the answer. Retry to ask it again.
failure-expired = The answer took too long, so I stopped it. Retry to start it again.
failure-gave_up = I was restarted three times during this answer, so I stopped trying. Retry to start it again.
failure-internal = Something went wrong in this bot, so there is no answer. Retry; if it fails again, tell the operator of this bot.
failure-undeliverable = Discord didn't let me post the answer here. Either I may not write in this channel, or a filter blocks part of the answer, such as a link. Retry, or ask in other words.
-operators-task = Only the operator of this bot can fix that; ask again afterwards.
-operator-told = Whoever runs this bot has been told; ask again later.
-operator-told-retry = Whoever runs this bot has been told; press Retry later.

## Alerts for whoever runs the bot

check-message = This is a test by whoever runs this bot. The message is deleted at once.
check-message-edited = This is a test by whoever runs this bot. The message was edited and is deleted at once.

alert-model_key = **The model's server refuses the bot's key, so members get no answers.**
    Set a valid key in the environment variable that `[models] api_key_env` names (for OpenAI: `OPENAI_API_KEY`), and start the bot again.
    -# { $reason }
    .over = The model's server accepts the bot's key again. Members get answers.
alert-model_credit = **The account that pays for the model has no credit left, so members get no answers.**
    Add credit at the provider, or set another key or model in `[models]` and start the bot again.
    -# { $reason }
    .over = The model's server accepts requests again. Members get answers.
alert-model_missing = **The model `{ $model }` can't be found, so members get no answers from it.**
    Check `[models] url` and the model's name, in `[models]` and in the assistants. `python -m bot check` shows what the server offers.
    -# { $reason }
    .over = The model { $of } answers again.
alert-model_tools = **The model `{ $model }` calls no tools, but an assistant has tools that it can't do without.**
    Choose a model that calls tools, or take the tools out of the assistant.
    -# { $reason }
    .over = The model { $of } answers again.
alert-not_allowed = **The assistants' server refuses the bot's key, so members get no answers.**
    Set a valid key in the environment variable that `[assistants] api_key_env` names, and start the bot again.
    -# { $reason }
    .over = The assistants' server accepts the bot's key again. Members get answers.
alert-assistant_gone = **The assistant that answers no longer exists, so members get no answers.**
    Name an existing one in `[assistants] assistant`, or define one, and start the bot again.
    -# { $reason }
    .over = An assistant answers again.
alert-permission = **The bot may not write in <#{ $channel }> on the server { $server }, so a question there got no answer.**
    Give its role the permissions to view the channel, send messages and send messages in threads, or keep the bot out of that channel.
    .over = The bot can write again in <#{ $of }>.
alert-limit-total = **The bot has used up its whole budget for { $span }, so nobody gets answers.**
    It ends <t:{ $until }:R>. To end it sooner, raise `[limits.total]` in config.toml and restart the bot.
alert-limit-server = **This server has used up its budget for { $span }.**
    It ends <t:{ $until }:R>. `/{ limits-command } { limits-lift-command }` lifts a budget that was set with `/{ limits-command } { limits-set-command }`; any other only the operator of this bot can raise.
alert-limit-channel = **<#{ $id }> has used up its budget for { $span }.**
    It ends <t:{ $until }:R>. `/{ limits-command } { limits-lift-command }` lifts it, `/{ limits-command } { limits-show-command }` shows what is used.
alert-limit-member = **<@{ $id }> has used up their budget for { $span }.**
    It ends <t:{ $until }:R>. `/{ limits-command } { limits-lift-command }` lifts it, `/{ limits-command } { limits-show-command }` shows what is used.
alert-disk = **The bot can't write its database, so it takes no questions.**
    Most likely the disk is full: free some space in the directory of `[storage]`.
    -# { $reason }
    .over = The bot can write its database again, and takes questions.

## Names of channel threads

question-of = Question of { $name }
attachments-of = Attachments of { $name }
spoiler = [spoiler]

## Durations, numbers and lists

duration-fraction = { NUMBER($seconds, minimumFractionDigits: 1, maximumFractionDigits: 1) } s
duration-seconds = { $seconds } s
duration-minutes = { $minutes } min { $seconds } s
tokens = { $tokens ->
    [one] { $tokens } token
   *[other] { $tokens } tokens
}
tokens-unknown = – tokens
list-separator = { ", " }
asker = { $name }
more-askers = { $count } more

## Commands: a message is a command's name, its attributes are the command's texts

runs-command = runs
    .description = Show or cancel what the assistant is doing
runs-list-command = list
    .description = List runs, newest first
    .state = state
    .state-description = Only runs in this state
    .member = member
    .member-description = Only runs that this member asked for
    .channel = channel
    .channel-description = Only runs of this channel and its threads
    .page = page
    .page-description = The page of the list
runs-show-command = show
    .description = Show one run
    .run = run
    .run-description = The run's number, as the list shows it
runs-cancel-command = cancel
    .description = Cancel the run of this channel, or another one
    .run = run
    .run-description = The run's number; leave it out for the run of this channel
runs-retry-command = retry
    .description = Try a failed run again
    .run = run
    .run-description = The run's number, as the list shows it
runs-state-choice =
    .active = active
    .answered = answered
    .cancelled = cancelled
    .failed = failed

## Runs

state-waiting = waiting
state-placed = starting
state-posted = starting
state-running = running
state-closing = finishing
state-answered = answered
state-cancelled = cancelled
state-failed = failed
state-withdrawn = withdrawn
state-cancelling = cancelling
run-link = [reply]({ $url })
run-attempt = Attempt { $attempt }
run-cancelled-by = Cancelled by { $name }
attachments-only = (attachments only)
run-on-thread = -# { $run } on { $thread }
runs-page = -# page { $page } of { $pages }
health = -# answering { $answering }, { $waiting } waiting
no-runs = There are no runs yet. Ask me something, and its run is listed here.
retrying = Trying #{ $number } again.
no-such-runs = No runs match this. Leave out some of the options.
no-such-run = There is no run { $name } here. `/{ runs-command } { runs-list-command }` shows the runs.
cancelling = Cancelling #{ $number }.
nothing-running = No run is active in this channel. To cancel one elsewhere, name it: `/{ runs-command } { runs-cancel-command } { runs-cancel-command.run }:`.
too-late-to-cancel = This run has already ended, so there is nothing to cancel.
too-late-to-retry = This was already retried or answered, so there is nothing to retry.
not-yours-to-cancel = Only those who asked, or members with Manage Messages, can cancel this.
too-late-to-answer-again = Only the newest answer here can be given again. Ask the question once more instead.
not-yours-to-answer-again = Only those who asked, or members with Manage Messages, can have this answered again.
not-yours-to-retry = Only those who asked, or members with Manage Messages, can retry this.
command-failed = The command failed because of an error in this bot. Try again in a moment.

## Assistants of a server

assistant-command = assistant
    .description = Choose and make the assistants of this server
assistant-list-command = list
    .description = List the assistants that this server may use
assistant-show-command = show
    .description = Show which assistant answers here, or show another one
    .assistant = assistant
    .assistant-description = An assistant; leave it out for the one that answers here
assistant-use-command = use
    .description = Choose the assistant that answers in a place
    .assistant = assistant
    .assistant-description = The assistant; leave it out to reset the choice for this place
    .where = where
    .where-description = The place whose assistant is chosen
assistant-where-choice =
    .here = this channel or thread
    .channel = this channel with its threads
    .category = the category of this channel
    .server = the whole server
assistant-create-command = create
    .description = Make an assistant for this server
    .name = name
    .name-description = The assistant's name
    .model = model
    .model-description = The model that answers
    .functions = functions
    .functions-description = What it may call, such as: roll_dice remind_me (“none”: nothing)
assistant-edit-command = edit
    .description = Change an assistant of this server
    .assistant = assistant
    .assistant-description = The assistant
    .name = name
    .name-description = A new name
    .model = model
    .model-description = Another model
    .functions = functions
    .functions-description = What it may call from now on (“none”: nothing)
assistant-no-such-function = Assistants of servers can't call these functions: { $names }. Choose functions from the list that the option shows.
assistant-delete-command = delete
    .description = Delete an assistant of this server with its knowledge
    .assistant = assistant
    .assistant-description = The assistant
assistant-form = Assistant { $name }
assistant-form-instructions = Instructions
    .description = What the assistant is for, and how it answers
    .placeholder = You help the members of a chess club. Answer briefly.
    .too-long = The present instructions are too long for this field. Leave it empty to keep them.
assistant-form-tools = Tools
    .description = What the assistant may do besides answering
assistant-form-knowledge = Knowledge
    .description = Files that the assistant searches for its answers
assistant-form-file = Longer instructions
    .description = A text file; its text follows the instructions above
assistant-form-changes = Present knowledge
    .description = The files that the assistant has now
assistant-form-option =
    .code_interpreter = Run Python code
    .file_search = Search files
    .forget_knowledge = Delete the present files
assistant-form-old = This form was already sent, or it is too old. Use the command again.
assistant-source-config = Answers here because the operator's configuration says so.
assistant-source-place = Answers here because it was chosen for { $place }.
assistant-fact-configured = from the configuration
assistant-fact-default = answers where nothing else was chosen
assistant-fact-places = chosen for { $places }
assistant-chosen = **{ $name }** answers in { $place } from now on.
assistant-choice-reset = { $place } has no assistant of its own any more. The next larger place decides.
assistant-made = **{ $name }** is ready. Use `/{ assistant-command } { assistant-use-command }` to choose where it answers.
assistant-changed = **{ $name }** is changed. The next answers follow the change.
assistant-deleted = **{ $name }** is deleted with its knowledge. Where it was chosen, the next larger place decides.
assistant-deleted-later = **{ $name }** answers nowhere any more. The assistant's server did not answer, so I delete the rest at my next start.
assistant-files-left-out = I couldn't read these files, so they are not part of its knowledge: { $names }.
assistant-unknown-model = The model server doesn't list the model { $model }. If answers fail, choose another model.
assistant-name-taken = This server already has an assistant named { $name }. Choose another name.
assistant-no-model = Name a model. The list of this option shows those that the model server offers.
assistant-configured = { $name } comes from the operator's configuration, so only the operator can change it.
assistant-instructions-unreadable = I couldn't read the file with the instructions, so nothing was changed. Send it as plain text of at most 256,000 characters.
assistant-gone = This assistant no longer exists at the assistant's server. Delete it here, or choose another one.
assistant-refused = The assistant's server refused this, so nothing was changed. Check the model { $model } and the size of the files.
assistant-api-failed = The assistant's server doesn't answer right now. Try again in a few minutes.
no-such-assistant = This server has no assistant { $name }. `/{ assistant-command } { assistant-list-command }` lists those it may use.
this-server = this server
more-lines = { $count ->
    [one] … and { $count } more
   *[other] … and { $count } more
}

## Channels

channel-command = channel
    .description = Choose when and where I answer in this channel
channel-show-command = show
    .description = Show when and where I answer here
channel-set-command = set
    .description = Choose when and where I answer
    .answer = answer
    .answer-description = Which messages I answer
    .reply_in = reply_in
    .reply_in-description = Where I answer a question in a text channel
    .context = context
    .context-description = How many messages before a question I read
    .answered_tag = answered_tag
    .answered_tag-description = The tag of a post that I answered
    .people_tag = people_tag
    .people_tag-description = The tag of a post that needs people
    .people_role = people_role
    .people_role-description = The role that is called when a person is needed
    .place = place
    .place-description = The place that this is chosen for
channel-reset-command = reset
    .description = Reset the choices for this channel
    .place = place
    .place-description = The place whose choices are reset
channel-answer-choice =
    .mention = messages that mention me
    .every = every message
    .posts = new forum posts, and mentions
    .never = none
channel-reply_in-choice =
    .thread = a thread of its own
    .channel = the channel itself
channel-place-choice =
    .channel = this channel with its threads
    .here = this channel or thread alone
    .category = the category of this channel
    .server = the whole server
channel-answer-is =
    .mention = I answer messages that mention me.
    .every = I answer every message.
    .posts = I answer new forum posts, and messages that mention me.
    .never = I answer nothing.
channel-reply-is =
    .thread = I answer in a thread of its own.
    .channel = I answer in the channel itself.
channel-context-is = { $count ->
    [0] I read only the question itself.
    [one] I also read { $count } message before a question.
   *[other] I also read { $count } messages before a question.
}
channel-answered-tag-is = Tag of posts that I answered: { $name }.
channel-people-tag-is = Tag of posts that need people: { $name }.
channel-no-tag-set = none
channel-line = { $line } { $source }
channel-source-config = (configuration)
channel-source-place = (chosen for { $place })
channel-no-tag = This forum has no tag { $name }. Use the command in a forum, and choose one of its tags.
channel-nothing-to-set = You named nothing to choose. Fill in at least one option.
channel-without-content = -# I run without Discord's Message Content intent. I read only messages that mention me, whatever is set here.
channel-lacks = I lack these permissions here: { $names }. An admin can grant them in the channel's settings.
place-no-category = This channel is in no category. Choose another place.
permission-view-channel = View Channel
permission-read-history = Read Message History
permission-send-messages = Send Messages
permission-send-in-threads = Send Messages in Threads
permission-create-threads = Create Public Threads
permission-manage-threads = Manage Threads

## Conversations

thread-command = thread
    .description = Begin, export or delete the conversation of this channel
thread-new-command = new
    .description = Begin a new conversation here: I forget what was said before
    .mine = mine
    .mine-description = Your own conversation by commands, even if this channel has one
thread-info-command = info
    .description = Show the facts of this conversation
    .mine = mine
    .mine-description = Your own conversation by commands, even if this channel has one
thread-export-command = export
    .description = Get this conversation as Markdown and JSON
    .mine = mine
    .mine-description = Your own conversation by commands, even if this channel has one
thread-rename-command = rename
    .description = Rename this thread
    .name = name
    .name-description = The new name
thread-delete-command = delete
    .description = Delete this conversation here and at the assistant's server
    .mine = mine
    .mine-description = Your own conversation by commands, even if this channel has one
conversation-new = The next question begins a new conversation. What was said before stays on Discord, but I no longer know it.
conversation-none = Nobody has asked me anything here yet, so there is no conversation.
conversation-none-yours = You have asked me nothing by commands here yet, so you have no conversation of your own.
conversation-yours = **Your own conversation, by `/{ ask-command }` and the menus of messages:**
conversation-yours-too = -# You also have a conversation of your own here, by `/{ ask-command }` and the menus of messages. The option `{ thread-info-command.mine }: True` chooses it.
conversation-private = only you see the answers
conversation-elsewhere = This works only in servers that have added me.
conversation-not-yours = Only whoever asked first here, or members with Manage Messages, can do this.
conversation-not-readable = You can't read the history of this channel, so you can't export it.
conversation-begun = { $count ->
    [one] begun { $when }, { $count } answer
   *[other] begun { $when }, { $count } answers
}
conversation-assistant = { $name } answers
conversation-exported = { $count ->
    [one] This is the conversation: { $count } message.
   *[other] This is the conversation: { $count } messages.
}
conversation-cut = The oldest messages are left out, because the files would be too large.
conversation-no-channel-thread = I can only rename a thread. Use this command inside one.
conversation-name-invisible = This name has no visible characters. Choose another one.
conversation-not-renamed = Discord refused the new name. I may lack the permission Manage Threads, or the name is blocked by a filter.
conversation-renamed = This thread is now named { $name }.
conversation-busy = I'm still answering here. Wait for the answer or cancel it, and try again.
conversation-deleted = I forgot this conversation and am deleting it at the assistant's server, with the files that no other conversation uses. What remains: the messages on Discord, the numbers of answers, tokens and votes without any text, and the operator's backups until they are replaced.
export-question = Question
export-answer = Answer
export-image = (image)

## Hand-over to people

thread-handover-command = handover
    .description = Call a person: I stay silent in this thread until resume
thread-resume-command = resume
    .description = Let me answer in this thread again
people-called = <@&{ $role }> <@{ $member }> asks for a person here. I stay silent in this thread until somebody uses `/{ thread-command } { thread-resume-command }`.
handover-begun = A person answers here from now on. I stay silent until somebody uses `/{ thread-command } { thread-resume-command }`.
handover-under-way = A person already answers here, and I stay silent.
handover-no-channel-thread = A person can only be called in a thread or a forum post. Use this command inside one.
handover-no-role = Nobody was notified, because no role is chosen. An admin can choose one with `/{ channel-command } { channel-set-command } { channel-set-command.people_role }:`.
handover-not-mentionable = Nobody was notified: <@&{ $role }> can't be mentioned. An admin can allow everyone to mention this role, or give me the permission "Mention @everyone, @here, and All Roles".
handover-called-before = The people were already notified within the last hour.
handover-none = I'm not silent here, so there is nothing to resume.
handover-not-yours = Only those who called a person, the people in charge, and members with Manage Messages can do this.
handover-ended = I answer in this thread again.
channel-people-role-is = Role that is called when a person is needed: <@&{ $role }>.

## Greeting

hello = 👋 Hello! I am { $name }. Mention me in a message, such as “{ $mention } Why is the sky blue?”, and I answer.

## Help

help-command = help
    .description = How to ask me here, and what else I can do
help-ask-in-dm = **How to ask:** just write to me here. Files and pictures work, too.
help-ask-elsewhere = **How to ask here:** use `/{ ask-command }`, or the menu of a message under “Apps”. Nobody else has to add me.
help-ask-mention = **How to ask here:** mention me, like “@{ $name } what is a good name for a cat?”. Files and pictures work, too.
help-ask-posts = **How to ask here:** write a new post, or mention @{ $name } in a post.
help-ask-every = **How to ask here:** just write; I answer every message.
help-ask-write = **How to ask here:** press Write below an answer, or mention me, like “@{ $name } what is a good name for a cat?”. I can't read other messages.
help-ask-never = I don't answer in this channel. Ask me in another one, or ask an admin.
help-ask-people = A person answers in this thread; I stay silent until somebody uses `/{ thread-command } { thread-resume-command }`.
help-everybody = **For everybody:**
help-admins = **For admins:**
help-managers = **For managers:**
help-does =
    .ask = asks from anywhere; the menu of a message asks about that message
    .runs = shows, cancels and retries runs
    .thread = begins, exports or deletes a conversation, and calls a person
    .schedule = asks at set times and reminds you
    .tools = shows which functions the assistant may call here
    .usage = shows what you have used
    .privacy = shows what is stored about you, and deletes it
    .assistant = makes and chooses assistants
    .channel = decides when and where I answer
    .access = decides who may use me
    .settings = sets language, time zone and more
    .limits = limits what the server and its members may spend

## Questions by command

ask-command = ask
    .description = Ask the assistant, here or anywhere
    .question = question
    .question-description = What you want to know
    .file = file
    .file-description = A file or a picture that belongs to the question
    .assistant = assistant
    .assistant-description = The assistant that answers; leave it out for the usual one
    .private = private
    .private-description = Only you see the answer
# The names of entries in the menu of a message; Discord takes 32 characters.
ask-about-this-menu = Ask about this
explain-this-menu = Explain this
translate-this-menu = Translate this
explain-question = Explain this message in plain words, in English.
# The language is the one of the member's Discord, by its English name.
translate-question = Translate this message into { $target }. If it is in that language already, say what it means in plain words.
ask-empty = Your question is empty. Write what you want to know.
ask-about-nothing = I can't read anything in that message: it has neither text nor files.
# Discord takes 45 characters for the title and the label, 100 for the hint.
ask-form = Ask about this message
ask-form-question = Your question
    .description = I read the message together with your question.
ask-form-old = The message is gone, or this form was open too long. Here is what you wrote:
retry-by-button = Press Retry under the answer, or ask again with `/{ ask-command }`.

## Usage and limits

usage-command = usage
    .description = See what was used and spent
usage-me-command = me
    .description = See what you have used
    .by = by
    .by-description = What to group the numbers by
    .days = days
    .days-description = How many days back
    .file = file
    .file-description = Also as a CSV file
usage-server-command = server
    .description = See what this server has used (for managers)
    .by = by
    .by-description = What to group the numbers by
    .days = days
    .days-description = How many days back
    .file = file
    .file-description = Also as a CSV file
usage-by-choice =
    .day = day
    .member = member
    .model = model
    .channel = channel
usage-none = { $days ->
    [one] Nothing was used today.
   *[other] Nothing was used in the last { $days } days.
}
usage-total = { $days ->
    [one] Used today: { $amount }
   *[other] Used in the last { $days } days: { $amount }
}
usage-nobody = (forgotten)
usage-no-model = (unknown)
limits-command = limits
    .description = Limit what this server, its channels and members may spend
limits-show-command = show
    .description = Show the limits of this server
limits-set-command = set
    .description = Set a limit; without amounts remove it
    .tokens_per_day = tokens_per_day
    .tokens_per_day-description = The most tokens in a day
    .tokens_per_month = tokens_per_month
    .tokens_per_month-description = The most tokens in a month
    .money_per_day = money_per_day
    .money_per_day-description = The most money in a day
    .money_per_month = money_per_month
    .money_per_month-description = The most money in a month
    .who = who
    .who-description = A member, or a role: each of its members
    .channel = channel
    .channel-description = A channel with its threads
    .whom = whom
    .whom-description = If you name neither: the whole server, or each member
limits-whom-choice =
    .server = the whole server
    .everyone = each member
limits-lift-command = lift
    .description = Lift a used-up limit until its day or month ends; name nobody for the server's
    .who = who
    .who-description = A member
    .channel = channel
    .channel-description = A channel with its threads
limits-lifted = { $name }: the limits are lifted until <t:{ $until }:f>. Limits that the operator set for the server stay.
limits-reached = 🛑 { $name }: the budget for { $span } is used up; it ends <t:{ $until }:R>. `/{ limits-command } { limits-lift-command }` lifts it, unless the operator set it for the server.
limits-is-lifted = ✅ { $name }: lifted until <t:{ $until }:f>
limits-with-use = { $limit } ({ $used } used)
limits-ends = Today's budgets begin anew <t:{ $day }:R>, this month's <t:{ $month }:R>.
limits-line = { $name }: { $limits }
limits-server = This server
limits-everyone = Each member
limits-tokens_per_day = { $amount } tokens a day
limits-tokens_per_month = { $amount } tokens a month
limits-money_per_day = { $amount } a day
limits-money_per_month = { $amount } a month
limits-operator = The operator of this bot may have set further limits.
