# Every sentence that a Discord member reads, in Japanese. Syntax: https://projectfluent.org
# A message that begins with "-# " is a small note; the answer above the note is quoted without it.
# Style: です・ます, short, Discord's own Japanese terms; no space between Japanese and a number.

## Replies

thinking = 考え中…
ahead =
    { thinking }
    -# ほかの{ $count }件に先に回答します。
ahead-about =
    { thinking }
    -# ほかの約{ $count }件に先に回答します。
empty-answer = モデルの回答が空でした。言い方を変えて、もう一度質問してください。
documents-cut = -# このモデルはファイルを検索できないため、{ $names }は冒頭だけを読んで回答しました。
without-tools = -# このモデルはツールを使えないため、ファイル検索やコード実行をせずに回答しました。
incomplete = -# 回答が長さの上限に達したため、途中で切れています。続きが必要な場合は「続けて」と送ってください。
incomplete-continue = -# 回答が長さの上限に達したため、途中で切れています。「続ける」を押すと続きを回答します。
ran-code = コードを実行しました
running-code = コードを実行中
searched-files = ファイルを検索しました
searching-files = ファイルを検索中
searched-counted = { $files }個のファイルを検索しました
searching-counted = { $files }個のファイルを検索中
called = { $name }を呼び出しました
calling = { $name }を呼び出し中
one-of-calls = { $call }（{ $number }/{ $count }）
earlier-calls = -# … ほか{ $count }件
cancelled = -# キャンセルされました。
cancelled-by = -# { $name }さんがキャンセルしました。
no-channel-thread = -# ここではスレッドを作成できないため、このチャンネルで回答します。
whole-answer-in-file = -# ここまでは回答の冒頭です。全文は添付ファイル「{ $name }」にあります。
pictures-refused = -# Discordに画像を投稿できなかったため、数式を文字で表示しています。
files-refused = -# Discordに投稿できなかったファイル：{ $names }
files-too-large = -# 大きすぎて添付できないファイル：{ $names }
files-unreadable = -# 読み込めなくなったファイル：{ $names }
sources = -# 出典：{ $list }
question-deleted = -# 質問が削除されたため、回答を中止しました。
reply-deleted = -# この回答の一部が削除されたため、回答を中止しました。
restarting = -# 再起動しています。まもなく続きを回答します。
answer-goes-on = -# 15分以上かかっています。回答はこのままここに表示されます。
answer-too-late = -# Discordでここに回答を書ける15分を過ぎるため、表示はここまでです。回答は`/{ runs-command } { runs-show-command }`の#{ $number }で確認できます。ここでもう一度`/{ ask-command }`を使っても、会話の続きとして回答します。
answer-undelivered = `/{ ask-command }`への回答を表示できませんでした。15分以上かかったか、ボットが停止していました。`/{ runs-command } { runs-show-command }`の#{ $number }で回答を確認するか、もう一度質問してください。
answer-to-ask = -# `/{ ask-command }`による質問への回答です（質問者：{ $names }）。

## Buttons

cancel-button = キャンセル
write-button = 質問を書く
person-button = 担当者を呼ぶ
retry-button = 再試行
continue-button = 続ける
again-button = 回答し直す
steps-button = 手順を表示
newer-button = 前へ
older-button = 次へ

## Buttons under an answer

continue-question = 直前の回答が途切れたところから、そのまま続けてください。
too-late-to-continue = この回答はすでに続きを依頼済みか、新しい質問が届いています。続きが必要な場合は、知りたいことを書いて送ってください。
upvoted = 👍をありがとうございます。評価はいつでも変更できます。
downvoted = ご意見をありがとうございます。👎を記録しました。評価はいつでも変更できます。
vote-on-unknown-answer = この回答の記録が残っていないため、評価を保存できません。
# Discord takes 45 characters for the title and the label, 100 for the hint.
question-form = 質問を書く
question-form-question = 質問
question-form-files = ファイル
question-form-empty = 質問を書くか、ファイルを添付してください。
question-quoted = **{ $name }さんの質問：**
form-given-back = 入力した内容をお返しします。
write-hint = -# 続けて質問するときは、「質問を書く」を押すか、ボットにメンションしてください。それ以外のメッセージは読み取れません。
reason-form = この回答のどこがよくありませんでしたか？
reason-form-reason = 理由
    .description = このボットの運営者が読みます。評価は保存済みなので、空欄のままでもかまいません。
steps-gone = この回答の手順は削除されたか、新しい回答に置き換えられました。
steps-unreachable = アシスタントのサーバーに接続できないため、手順を表示できません。しばらくしてからもう一度お試しください。
steps-in-file = -# 一部を省略しています。全文はファイルにあります。
step-answer = 回答
step-thoughts = -# 思考
step-failed = -# この手順は失敗しました。
step-cancelled = -# この手順はキャンセルされました。
step-expired = -# この手順は時間がかかりすぎたため、中止しました。
tokens-in-and-out = { $tokens }トークン（入力{ $prompt }、出力{ $completion }）

## What could not be read of a question

unread = -# 読み取れませんでした：{ $parts }
unread-named = { $name }（{ $why }）
unread-more = ほか{ $count }件
unread-too_large = { $limit }を超えています
unread-too_much = 内容が多すぎます
unread-gone = Discordに残っていません
unread-not_given = Discordから取得できませんでした
unread-unsupported = この種類のファイルには対応していません
unread-broken = 破損しているか、名前と内容が一致しません
unread-locked = パスワードで保護されています
unread-no_text = テキストが含まれていません
unread-no_image = 対応している画像形式ではありません
unread-refused = アシスタントのサーバーが受け付けませんでした
unread-beginning_only = 冒頭だけを読みました
unread-no_transcription = ここでは音声を聞き取れません
unread-transcription_failed = 今は音声を聞き取れませんでした
unread-no_audio = 対応している音声ではありません
unread-no_speech = 言葉が含まれていません
unread-deleted_reply = 返信先のメッセージは削除されています
unread-hidden_reply = 返信先のメッセージを読み取れません
unread-hidden_forward = 転送されたメッセージの内容を読み取れません

## Questions that are not taken

empty-question = こんにちは！「@{ $name } 猫の名前を考えて」のように、メンションに続けて質問を書いてください。
role-mentioned = ロールへのメンションでは質問の内容を読み取れません。ロールではなく、@{ $name }にメンションして質問してください。
queue-full = すでに{ $most }件の質問が順番を待っているため、この質問は受け付けられません。次の回答のあとで、もう一度質問してください。
not-saved = 質問を保存できなかったため、回答できません。数分後にもう一度質問してください。
unreadable-message = Discordから届いたこのメッセージを読み取れなかったため、回答できません。テキストだけでもう一度送ってください。
some-missed = -# オフラインの間に、ここで読み切れない数のメッセージが投稿されました。最新の質問に回答します。そのほかの質問は、もう一度送ってください。
undelivered = <#{ $channel }>に回答を投稿できませんでした。書き込む権限がないか、チャンネルが削除されています。モデレーターに書き込みの許可を依頼してから、もう一度質問してください。
undelivered-for = { $names }への回答を<#{ $channel }>に投稿できませんでした。書き込む権限がないか、チャンネルが削除されています。モデレーターに書き込みの許可を依頼してから、もう一度質問してください。

## Who may use the bot

refused-message = [メッセージ]({ $url })に回答しませんでした。{ $why }（このお知らせは1日1回までです。）
refused-direct_messages = ダイレクトメッセージでは回答していません。サーバーで質問してください。
refused-user_installs = ここでは個人のアカウントからこのボットを使えません。このボットがいるサーバーで質問してください。
refused-server = ボットの運営者が、このサーバーでの利用を許可していません。
refused-channel = ボットの運営者が、このチャンネルでの利用を許可していません。
refused-member = ボットの運営者が、あなたの利用を許可していません。
refused-channel_by_server = サーバーの管理者が、このチャンネルでの利用を許可していません。
refused-member_by_server = サーバーの管理者が、あなたの利用を許可していません。利用したい場合は、管理者にお問い合わせください。
refused-left = あなたはすでにこのサーバーから退出しています。
limit-span-day = 今日
limit-span-month = 今月
limit-total = { $span }のボット全体の予算を使い切りました。<t:{ $until }:R>にもう一度質問してください。
limit-server = { $span }のこのサーバーの予算を使い切りました。<t:{ $until }:R>にもう一度質問してください。
limit-channel = { $span }のこのチャンネルの予算を使い切りました。<t:{ $until }:R>にもう一度質問してください。
limit-member = { $span }のあなたの予算を使い切りました。<t:{ $until }:R>にもう一度質問してください。
limit-in-use = 作成中の回答が残りの予算を使い切る可能性があります。回答が終わってから、もう一度質問してください。
limit-rate = 質問の間隔が短すぎます。質問できるのは1分間に{ $most }件までです。{ $wait }後にもう一度質問してください。
limit-runs = ほかの回答が終わるのを待っています…

access-command = 利用許可
    .description = このサーバーでボットを使える人を決めます
access-show-command = 表示
    .description = ボットを使える人を表示します
access-allow-command = 許可
    .description = メンバー・ロール・チャンネルを許可します（許可されていないものは使えなくなります）
    .who = 対象
    .who-description = メンバーまたはロール
    .channel = チャンネル
    .channel-description = チャンネル（スレッドを含む）またはカテゴリー
access-deny-command = 拒否
    .description = メンバー・ロール・チャンネルを拒否します
    .who = 対象
    .who-description = メンバーまたはロール
    .channel = チャンネル
    .channel-description = チャンネル（スレッドを含む）またはカテゴリー
access-remove-command = 解除
    .description = メンバー・ロール・チャンネルの設定を取り消します
    .who = 対象
    .who-description = メンバーまたはロール
    .channel = チャンネル
    .channel-description = チャンネル（スレッドを含む）またはカテゴリー
access-open = このサーバーでは、誰でもすべてのチャンネルで利用できます。
access-allowed-people = 利用できるのは次の対象だけです：{ $names }
access-denied-people = 利用できない対象：{ $names }
access-allowed-channels = 利用できるチャンネル：{ $names }
access-denied-channels = 利用できないチャンネル：{ $names }
access-operator = -# ボットの運営者による設定もあります。運営者の設定が優先されます。
access-nothing-named = メンバー、ロール、チャンネルのいずれかを指定してください。
access-no-rule = { $names }についての設定はありません。
access-kept-by-operator = ボットの運営者が{ $names }を許可しているため、このサーバーで拒否することはできません。設定は変更していません。
access-full = このサーバーの設定は上限の{ $most }件に達しています。不要な設定を解除するか、メンバーの代わりにロールを使ってください。
only-in-servers = このコマンドはサーバーで使ってください。
needs-manage-server = このコマンドを使えるのは、「サーバー管理」権限を持つメンバーだけです。
and-more = ほか{ $count }件

## What is stored of a member

forget-button = すべて消去する
privacy-command = プライバシー
    .description = あなたについて保存しているデータ
privacy-show-command = 表示
    .description = あなたについて保存しているデータの概要を表示します
privacy-export-command = エクスポート
    .description = あなたについて保存しているデータをファイルで受け取ります
privacy-forget-command = 消去
    .description = あなたについて保存しているデータをすべて消去します
privacy-questions = あなたの質問：{ $count }件（回答、質問時の名前、チャンネル、日時を含みます）
privacy-files = 質問に添付されたファイル：{ $count }件
privacy-votes = 回答への評価：{ $count }件
privacy-calls = あなたのために呼び出した関数：{ $count }件（引数と結果を含みます）
privacy-tokens = 質問で使われたトークン：{ $count }
privacy-schedules = あなたのスケジュールとリマインダー：{ $count }件（質問とチャンネルを含みます）
privacy-locale = Discordの言語設定：{ $locale }
privacy-rules = サーバーの管理者があなたについて決めた設定と上限：{ $count }件
privacy-how-to = -# `/{ privacy-command } { privacy-export-command }`ですべて受け取り、`/{ privacy-command } { privacy-forget-command }`で消去できます。
privacy-export = あなたについて保存しているすべてのデータです。このメッセージはあなただけに表示されています。
privacy-export-too-large = データが大きすぎて、ここではファイルとして送れません。ボットの運営者に問い合わせてください。
privacy-confirm = あなたの質問、あなただけへの回答、添付ファイル、評価、スケジュール、言語設定を、すべてのサーバーの分について、ここからもアシスタントのサーバーからも消去します。元に戻すことはできません。
privacy-forgotten = { $count ->
    [0] あなたの質問は、もう保存されていません。
   *[other] あなたの質問{ $count }件を、回答、ファイル、評価、言語設定とともに消去しました。
}
privacy-forgotten-later = 現在、アシスタントのサーバーに接続できません。接続でき次第、サーバー側のデータも消去します。
privacy-remains-sums = 残るもの：名前を含まないトークンの合計と、同じ質問に再び回答しないためのメッセージ番号。ほかの人も質問しているチャンネルでは、あなたの質問で使われたツールの記録が会話とともに残り、複数の人への回答もほかの人のために残ります。
privacy-remains-discord = Discord上のあなたのメッセージとこのボットの返信は、誰かがDiscordで削除するまで残ります。
privacy-remains-rules = サーバーの管理者があなたについて決めた設定は、サーバーのものとして残ります。
privacy-remains-backups = ボットの運営者が別の場所に作成したバックアップには、削除されるまでデータが残っている場合があります。
privacy-remains-backup = ボットの運営者が作成したバックアップには、削除されるまでデータが残ります。最新のバックアップは{ $time }に作成されました。

## Settings of a server

settings-command = 設定
    .description = このサーバーでのボットの設定
settings-show-command = 表示
    .description = このサーバーの設定を表示します
settings-set-command = 変更
    .description = このサーバーの設定を変更します
    .language = 言語
    .language-description = 公開メッセージの言語
    .time_zone = タイムゾーン
    .time_zone-description = 日付のタイムゾーン（例：Asia/Tokyo）
    .alert_channel = 通知チャンネル
    .alert_channel-description = 問題が起きたときに、このサーバーの管理者に知らせるチャンネル
    .retention_days = 保存日数
    .retention_days-description = 質問と回答を何日後に消去するか
settings-reset-command = 解除
    .description = このサーバーの設定を元に戻します
    .setting = 設定
    .setting-description = 元に戻す設定
settings-language-choice =
    .automatic = サーバーの言語に合わせる
    .en = English
    .ja = 日本語
settings-setting-choice =
    .language = 言語
    .time_zone = タイムゾーン
    .alert_channel = 通知チャンネル
    .retention_days = 保存日数
settings-language-is = 言語：{ $chosen }
settings-language-automatic = 言語：{ $chosen }（Discordの設定に合わせています）
settings-time-zone-is = タイムゾーン：{ $zone }（現在{ $time }）
settings-alerts-are = 問題が起きたときは<#{ $channel }>でお知らせします。
settings-no-alerts = 問題が起きたときの通知チャンネルは設定されていません。
settings-retention-is = 質問と回答は{ $days }日後に消去します。
settings-no-retention = 質問と回答は、誰かが削除するまで保存します。
settings-nothing-to-set = 変更する項目を指定してください。
settings-no-time-zone = { $name }というタイムゾーンはありません。Asia/Tokyoのように、一覧から選んでください。
cannot-write-there = <#{ $channel }>に書き込めません。チャンネルの閲覧とメッセージの送信を許可してから、もう一度お試しください。

## Schedules

schedule-command = スケジュール
    .description = 決まった時刻の質問とリマインダーを設定します
schedule-add-command = 追加
    .description = 毎日・毎週・毎月、またはcron式で質問を予約します
    .text = 質問
    .text-description = 質問の内容
    .repeat = 繰り返し
    .repeat-description = 質問する間隔
    .time = 時刻
    .time-description = 時刻（例：9:30、このサーバーのタイムゾーン）
    .weekday = 曜日
    .weekday-description = 毎週の場合の曜日
    .day = 日
    .day-description = 毎月の場合の日（31は月末）
    .cron = cron
    .cron-description = cron式の場合の5つのフィールド（例：0 9 * * 1-5）
    .channel = チャンネル
    .channel-description = 回答するチャンネル（省略するとこのチャンネル）
schedule-remind-command = リマインダー
    .description = 指定した日時に、ここで一度だけお知らせします
    .when = 日時
    .when-description = 例：2時間後、18:30、明日9:00、金曜日20時、2026-12-24 18:00
    .text = 内容
    .text-description = お知らせする内容
schedule-list-command = 一覧
    .description = あなたとこのチャンネルのスケジュールとリマインダーを表示します
schedule-run-command = 実行
    .description = スケジュールの質問を今すぐ実行します
    .schedule = スケジュール
    .schedule-description = スケジュールの番号
schedule-pause-command = 一時停止
    .description = スケジュールを一時停止または再開します
    .schedule = スケジュール
    .schedule-description = スケジュールの番号
schedule-delete-command = 削除
    .description = スケジュールを削除します
    .schedule = スケジュール
    .schedule-description = スケジュールの番号
schedule-repeat-choice =
    .daily = 毎日
    .weekly = 毎週
    .monthly = 毎月
    .cron = cron式
schedule-weekday-choice =
    .monday = 月曜日
    .tuesday = 火曜日
    .wednesday = 水曜日
    .thursday = 木曜日
    .friday = 金曜日
    .saturday = 土曜日
    .sunday = 日曜日
schedule-daily = 毎日{ $time }
schedule-weekly = 毎週{ $day }{ $time }
schedule-monthly = 毎月{ $day }日{ $time }
schedule-month-end = 毎月末日{ $time }
schedule-by-cron = cron式 `{ $cron }`
schedule-once = 一度だけ（{ $when }）
schedule-line = **#{ $number }** { $rule }（<#{ $channel }>、作成者：<@{ $creator }>）：{ $text }
schedule-next = · 次回：{ $when }
schedule-paused = · 一時停止中
schedule-last-problem = 前回は質問しませんでした：{ $why }
schedule-problem =
    .gone = チャンネルがなくなったか、表示できなくなりました。
    .no-access = 作成者がチャンネルを見られなくなったか、書き込めなくなりました。
    .broken = スケジュールの設定を読み取れません。削除してから、もう一度追加してください。
    .missed = ボットの停止中に時刻が過ぎました。
    .handed-over = そのスレッドは担当者が対応しています。
    .queue-full = チャンネルで待っている質問が多すぎます。
schedule-added =
    { $line }
    -# タイムゾーン：{ $zone }
schedule-runs = <#{ $channel }>で今すぐ質問します。
schedule-deleted = スケジュール#{ $number }を削除しました。
no-schedules = あなたやこのチャンネルのスケジュールはありません。`/{ schedule-command } { schedule-add-command }`または`/{ schedule-command } { schedule-remind-command }`で追加できます。
no-such-schedule = { $number }というスケジュールはないか、あなたには変更できません。`/{ schedule-command } { schedule-list-command }`で確認してください。
schedules-full = スケジュールは上限の{ $most }件に達しています。先にどれかを削除してください。
schedule-no-text = 質問の内容を入力してください。
schedule-no-time = 時刻を9:30、21:30、午後9時30分のように指定してください。
schedule-no-weekday = 毎週の場合は曜日を指定してください。
schedule-no-day = 毎月の場合は日（1～31）を指定してください。
schedule-no-cron = cron式は、分・時・日・月・曜日の5つのフィールドで指定してください。例：0 9 * * 1-5（月曜日から金曜日の9時）
schedule-never = そのcron式に当てはまる日時はありません。
schedule-too-often = スケジュールの間隔は{ $minutes }分以上にしてください。
schedule-no-text-channel = その種類のチャンネルでは回答できません。テキストチャンネルかスレッドを選んでください。
schedule-not-yours-to-write = あなたは<#{ $channel }>に書き込めないため、そこでは回答できません。
reminder-no-moment = 日時を読み取れません。「2時間後」「18:30」「明日9:00」「金曜日20時」「2026-12-24 18:00」のように指定してください。
reminder-past = その日時はすでに過ぎています。
reminder-too-far = 10年より先の日時は指定できません。
reminder-no-text = お知らせする内容を入力してください。
reminders-full = リマインダーは上限の{ $most }件に達しています。先に`/{ schedule-command } { schedule-delete-command }`でどれかを削除してください。
reminder-note = -# ⏰ <@{ $member }>へのリマインダー：{ $text }
asked-on-schedule = -# 🗓️ { $name }さんのスケジュールによる質問：{ $text }

## Approval of function calls

tools-command = ツール
    .description = アシスタントができることと、これまでの判断を表示します
tools-list-command = 一覧
    .description = このチャンネルのアシスタントができることと、できない理由を表示します
tools-log-command = 履歴
    .description = このサーバーでの関数呼び出しについて、誰が何を判断したかを表示します
tools-may =
    .allow = ✓ **{ $name }**：呼び出せます
    .ask = ✋ **{ $name }**：運営者の設定により、呼び出すたびに確認します
    .ask-writes = ✋ **{ $name }**：何かを変更する可能性があるため、呼び出すたびに確認します
    .deny = ✗ **{ $name }**：運営者の設定により、ここでは許可されていません
    .missing = ✗ **{ $name }**：この関数はありません
no-tools = このチャンネルのアシスタントは関数を使いません。
tools-unreachable = 現在、アシスタントのサーバーに接続できません。しばらくしてからもう一度お試しください。
tools-log-line = { $when } **{ $name }**（<#{ $channel }>、#{ $turn }）：{ $decision }
tools-decision =
    .allow = 設定により許可
    .deny = 設定により拒否
    .ask = 確認中
    .once = { $who }が1回だけ許可
    .conversation = { $who }がこの会話で許可
    .allowed_before = この会話で許可済み
    .denied = { $who }が拒否
    .late = 時間内に判断なし
no-tool-decisions = このサーバーでは、関数呼び出しについての判断はまだありません。
approval-asks = 🔐 { $asker }さんのために**{ $name }**を呼び出してもよいですか？
approval-in-file = 引数はファイルにあります。
approval-button =
    .once = 1回だけ許可
    .conversation = この会話では許可
    .deny = 拒否
    .reason = 理由を付けて拒否
approval-decided = 判断済み
approval-ended =
    .once = -# ✓ { $name }さんが1回だけ許可しました
    .conversation = -# ✓ { $name }さんがこの会話での呼び出しを許可しました
    .denied = -# ✗ { $name }さんが拒否しました。{ $reason }
    .withdrawn = -# 判断の前に回答がキャンセルされました。
approval-decided-before = { $name }さんがすでに判断しています。何も変更されていません。
approval-too-old = この呼び出しについては、もう判断できません。何も変更されていません。アシスタントにもう一度質問してください。
approval-not-yours = この呼び出しについては判断できません。質問した人か、運営者が選んだ人が判断できます。
approval-form = 呼び出しを拒否
approval-form-reason = 理由
    .description = 理由はアシスタントに伝わります
after-approval = -# 🔐 関数呼び出しについての判断を受けた回答です。

## Why a turn failed

failure-unreachable = アシスタントのサーバーに接続できなかったため、回答できませんでした。数分後に再試行してください。
failure-refused = アシスタントのサーバーがこのリクエストを拒否しました。再試行するか、言い方を変えて質問してください。それでも失敗する場合は、ボットの運営者にお知らせください。
failure-not_allowed =
    アシスタントのサーバーがこのボットのキーを拒否しました。{ $told ->
        [yes] { -operator-told-retry }
       *[no] ボットの運営者による対応が必要です。対応が済んでから再試行してください。
    }
failure-assistant_gone =
    ここで回答するアシスタントは、すでに存在しません。{ $told ->
        [yes] { -operator-told-retry }
       *[no] ボットの運営者が別のアシスタントを選んでから、再試行してください。
    }
failure-chosen_assistant_gone = この場所で選択されているアシスタントは、すでに存在しません。モデレーターが`/{ assistant-command } { assistant-use-command }`で別のアシスタントを選択してから、再試行してください。
failure-busy = 別のプログラムがこの会話を使用しているため、まだ回答できません。数分後に再試行してください。
failure-rate_limited = 現在、モデルへのリクエストが集中しています。1分ほど待ってから再試行してください。
failure-rejected = モデルのサーバーがこのリクエストを拒否しました。言い方を変えて質問するか、再試行してください。
failure-model_key =
    モデルのサーバーがこのボットのキーを拒否しました。{ $told ->
        [yes] { -operator-told }
       *[no] { -operators-task }
    }
failure-model_credit =
    モデルの料金を支払うアカウントの残高がありません。{ $told ->
        [yes] { -operator-told }
       *[no] { -operators-task }
    }
failure-model_missing =
    ここで回答するモデルが見つかりません。{ $told ->
        [yes] { -operator-told }
       *[no] { -operators-task }
    }
failure-model_tools =
    ここで回答するモデルは、必要なツールを使えません。{ $told ->
        [yes] { -operator-told }
       *[no] { -operators-task }
    }
failure-ability = この質問には、画像の読み取りなど、モデルにできないことが含まれています。その部分を除いて、もう一度質問してください。
failure-too_long = 会話が長くなりすぎて、モデルが読み込めません。新しい会話を始めてください。
failure-content = モデルのコンテンツルールにより拒否されました。言い方を変えて質問してください。それでも拒否される場合は、新しい会話を始めてください。
failure-model_failed = 回答の途中でモデルにエラーが発生しました。再試行すると、最初からやり直します。
failure-expired = 時間がかかりすぎたため、回答を中断しました。再試行すると、最初からやり直します。
failure-gave_up = 回答中にボットが3回再起動したため、中断しました。再試行すると、最初からやり直します。
failure-internal = ボットにエラーが発生したため、回答できませんでした。再試行しても失敗する場合は、ボットの運営者にお知らせください。
failure-undeliverable = ここに回答を投稿できませんでした。このチャンネルに書き込む権限がないか、回答の一部（リンクなど）がフィルターでブロックされています。再試行するか、言い方を変えて質問してください。
-operators-task = ボットの運営者による対応が必要です。対応が済んでから、もう一度質問してください。
-operator-told = ボットの運営者に連絡しました。しばらくしてから、もう一度質問してください。
-operator-told-retry = ボットの運営者に連絡しました。しばらくしてから再試行してください。

## Alerts for whoever runs the bot

check-message = ボットの運営者によるテストです。このメッセージはすぐに削除されます。
check-message-edited = ボットの運営者によるテストです。編集済みのこのメッセージは、すぐに削除されます。

alert-model_key = **モデルのサーバーがボットのキーを拒否しているため、メンバーは回答を受け取れません。**
    `[models] api_key_env`が示す環境変数（OpenAIの場合は`OPENAI_API_KEY`）に有効なキーを設定し、ボットを再起動してください。
    -# { $reason }
    .over = モデルのサーバーがボットのキーを再び受け付けています。メンバーは回答を受け取れます。
alert-model_credit = **モデルの料金を支払うアカウントの残高がないため、メンバーは回答を受け取れません。**
    提供元で残高を追加するか、`[models]`で別のキーまたはモデルを設定して、ボットを再起動してください。
    -# { $reason }
    .over = モデルのサーバーがリクエストを再び受け付けています。メンバーは回答を受け取れます。
alert-model_missing = **モデル`{ $model }`が見つからないため、メンバーはこのモデルの回答を受け取れません。**
    `[models] url`と、`[models]`およびアシスタントのモデル名を確認してください。サーバーが提供するモデルは`python -m bot check`で確認できます。
    -# { $reason }
    .over = モデル{ $of }が再び回答しています。
alert-model_tools = **モデル`{ $model }`はツールを使えませんが、アシスタントにはツールが必要です。**
    ツールを使えるモデルを選ぶか、アシスタントからツールを外してください。
    -# { $reason }
    .over = モデル{ $of }が再び回答しています。
alert-not_allowed = **アシスタントのサーバーがボットのキーを拒否しているため、メンバーは回答を受け取れません。**
    `[assistants] api_key_env`が示す環境変数に有効なキーを設定し、ボットを再起動してください。
    -# { $reason }
    .over = アシスタントのサーバーがボットのキーを再び受け付けています。メンバーは回答を受け取れます。
alert-assistant_gone = **回答するアシスタントが存在しないため、メンバーは回答を受け取れません。**
    `[assistants] assistant`に既存のアシスタントを指定するか、新しく定義して、ボットを再起動してください。
    -# { $reason }
    .over = アシスタントが再び回答しています。
alert-permission = **サーバー「{ $server }」の<#{ $channel }>に書き込めないため、質問に回答できませんでした。**
    ボットのロールに、チャンネルの閲覧、メッセージの送信、スレッドでのメッセージ送信の権限を与えるか、そのチャンネルをボットの対象外にしてください。
    .over = <#{ $of }>に再び書き込めるようになりました。
alert-limit-total = **{ $span }のボット全体の予算を使い切ったため、誰も回答を受け取れません。**
    <t:{ $until }:R>に再開します。早く再開するには、config.tomlの`[limits.total]`を引き上げてボットを再起動してください。
alert-limit-server = **このサーバーは{ $span }の予算を使い切りました。**
    <t:{ $until }:R>に再開します。`/{ limits-command } { limits-set-command }`で設定した予算は`/{ limits-command } { limits-lift-command }`で解除できます。それ以外の予算を引き上げられるのは、ボットの運営者だけです。
alert-limit-channel = **<#{ $id }>は{ $span }の予算を使い切りました。**
    <t:{ $until }:R>に再開します。`/{ limits-command } { limits-lift-command }`で解除、`/{ limits-command } { limits-show-command }`で利用量を確認できます。
alert-limit-member = **<@{ $id }>さんは{ $span }の予算を使い切りました。**
    <t:{ $until }:R>に再開します。`/{ limits-command } { limits-lift-command }`で解除、`/{ limits-command } { limits-show-command }`で利用量を確認できます。
alert-disk = **データベースに書き込めないため、ボットは質問を受け付けられません。**
    ディスクの空き容量が不足している可能性があります。`[storage]`のディレクトリの空きを増やしてください。
    -# { $reason }
    .over = データベースに再び書き込めるようになり、質問を受け付けています。

## Names of channel threads

question-of = { $name }さんの質問
attachments-of = { $name }さんの添付ファイル
spoiler = [スポイラー]

## Durations, numbers and lists

duration-fraction = { NUMBER($seconds, minimumFractionDigits: 1, maximumFractionDigits: 1) }秒
duration-seconds = { $seconds }秒
duration-minutes = { $minutes }分{ $seconds }秒
tokens = { $tokens }トークン
tokens-unknown = –トークン
list-separator = 、
asker = { $name }さん
more-askers = ほか{ $count }人

## Commands: a message is a command's name, its attributes are the command's texts

runs-command = 実行
    .description = アシスタントの実行を確認・キャンセルします
runs-list-command = 一覧
    .description = 実行を新しい順に表示します
    .state = 状態
    .state-description = この状態の実行だけを表示
    .member = メンバー
    .member-description = このメンバーが質問した実行だけを表示
    .channel = チャンネル
    .channel-description = このチャンネルとそのスレッドの実行だけを表示
    .page = ページ
    .page-description = 表示するページ
runs-show-command = 詳細
    .description = 実行の詳細を表示します
    .run = 番号
    .run-description = 一覧に表示される実行の番号
runs-cancel-command = キャンセル
    .description = このチャンネルの実行、または指定した実行をキャンセルします
    .run = 番号
    .run-description = 実行の番号（省略すると、このチャンネルの実行）
runs-retry-command = 再試行
    .description = 失敗した実行をもう一度試します
    .run = 番号
    .run-description = 一覧に表示される実行の番号
runs-state-choice =
    .active = 進行中
    .answered = 回答済み
    .cancelled = キャンセル済み
    .failed = 失敗

## Runs

state-waiting = 待機中
state-placed = 開始中
state-posted = 開始中
state-running = 実行中
state-closing = 終了処理中
state-answered = 回答済み
state-cancelled = キャンセル済み
state-failed = 失敗
state-withdrawn = 取り下げ
state-cancelling = キャンセル中
run-link = [返信]({ $url })
run-attempt = { $attempt }回目の試行
run-cancelled-by = { $name }さんがキャンセル
attachments-only = （添付ファイルのみ）
run-on-thread = -# { $run }（{ $thread }）
runs-page = -# { $page } / { $pages }ページ
health = -# 回答中{ $answering }件、待機中{ $waiting }件
no-runs = 実行はまだありません。質問すると、ここに表示されます。
retrying = #{ $number }を再試行しています。
no-such-runs = 条件に合う実行はありません。オプションを減らしてください。
no-such-run = 「{ $name }」という実行は見つかりません。`/{ runs-command } { runs-list-command }`で確認してください。
cancelling = #{ $number }をキャンセルしています。
nothing-running = このチャンネルで進行中の実行はありません。ほかのチャンネルの実行は、`/{ runs-command } { runs-cancel-command } { runs-cancel-command.run }:`で番号を指定してキャンセルできます。
too-late-to-cancel = この実行はすでに終了しているため、キャンセルできません。
too-late-to-retry = すでに再試行または回答が済んでいるため、再試行できません。
not-yours-to-cancel = キャンセルできるのは、質問した人と「メッセージの管理」権限を持つメンバーだけです。
too-late-to-answer-again = 回答し直せるのは、ここでの最新の回答だけです。お手数ですが、もう一度質問してください。
not-yours-to-answer-again = 回答し直しを依頼できるのは、質問した人と「メッセージの管理」権限を持つメンバーだけです。
not-yours-to-retry = 再試行できるのは、質問した人と「メッセージの管理」権限を持つメンバーだけです。
command-failed = ボットにエラーが発生したため、コマンドを実行できませんでした。しばらくしてから、もう一度お試しください。

## Assistants of a server

assistant-command = アシスタント
    .description = このサーバーのアシスタントを選択・作成します
assistant-list-command = 一覧
    .description = このサーバーで使えるアシスタントを一覧表示します
assistant-show-command = 詳細
    .description = ここで回答するアシスタント、または指定したアシスタントを表示します
    .assistant = アシスタント
    .assistant-description = アシスタント（省略すると、ここで回答するアシスタント）
assistant-use-command = 選択
    .description = 回答するアシスタントを場所ごとに選択します
    .assistant = アシスタント
    .assistant-description = アシスタント（省略すると、この場所の選択を解除）
    .where = 場所
    .where-description = アシスタントを選択する場所
assistant-where-choice =
    .here = このチャンネルまたはスレッド
    .channel = このチャンネルとそのスレッド
    .category = このチャンネルのカテゴリー
    .server = サーバー全体
assistant-create-command = 作成
    .description = このサーバーのアシスタントを作成します
    .name = 名前
    .name-description = アシスタントの名前
    .model = モデル
    .model-description = 回答するモデル
    .functions = 関数
    .functions-description = 呼び出せる関数（例：roll_dice remind_me、「なし」で解除）
assistant-edit-command = 編集
    .description = このサーバーのアシスタントを編集します
    .assistant = アシスタント
    .assistant-description = 編集するアシスタント
    .name = 名前
    .name-description = 新しい名前
    .model = モデル
    .model-description = 別のモデル
    .functions = 関数
    .functions-description = 今後呼び出せる関数（「なし」で解除）
assistant-no-such-function = サーバーのアシスタントが使える関数ではありません：{ $names }。オプションの候補から選んでください。
assistant-delete-command = 削除
    .description = このサーバーのアシスタントをナレッジごと削除します
    .assistant = アシスタント
    .assistant-description = 削除するアシスタント
assistant-form = アシスタント「{ $name }」
assistant-form-instructions = 指示
    .description = アシスタントの役割と回答のしかた
    .placeholder = あなたはチェスクラブのメンバーを手伝います。簡潔に答えてください。
    .too-long = 現在の指示は長いため、ここに表示できません。空欄のままにすると変更しません。
assistant-form-tools = ツール
    .description = 回答のほかにアシスタントができること
assistant-form-knowledge = ナレッジ
    .description = アシスタントが回答のために検索するファイル
assistant-form-file = 長い指示
    .description = テキストファイル（上の指示に続けて読み込みます）
assistant-form-changes = 現在のナレッジ
    .description = アシスタントに登録済みのファイル
assistant-form-option =
    .code_interpreter = Pythonコードの実行
    .file_search = ファイル検索
    .forget_knowledge = 登録済みのファイルを削除する
assistant-form-old = このフォームは送信済みか、期限が切れています。もう一度コマンドを実行してください。
assistant-source-config = ボットの運営者の設定により、ここで回答します。
assistant-source-place = { $place }で選択されているため、ここで回答します。
assistant-fact-configured = 運営者の設定
assistant-fact-default = ほかに選択がない場所で回答
assistant-fact-places = 選択先：{ $places }
assistant-chosen = これから{ $place }では**{ $name }**が回答します。
assistant-choice-reset = { $place }の選択を解除しました。今後は上位の場所の選択に従います。
assistant-made = **{ $name }**を作成しました。`/{ assistant-command } { assistant-use-command }`で、回答する場所を選択してください。
assistant-changed = **{ $name }**を変更しました。次の回答から反映されます。
assistant-deleted = **{ $name }**をナレッジごと削除しました。選択されていた場所では、上位の場所の選択に従います。
assistant-deleted-later = **{ $name }**はもう回答しません。アシスタントのサーバーが応答しないため、残りのデータは次回の起動時に削除します。
assistant-files-left-out = 次のファイルは読み込めなかったため、ナレッジに含まれていません：{ $names }
assistant-unknown-model = モデルのサーバーの一覧に「{ $model }」というモデルはありません。回答に失敗する場合は、別のモデルを選んでください。
assistant-name-taken = このサーバーには「{ $name }」というアシスタントがすでにあります。別の名前にしてください。
assistant-no-model = モデルを指定してください。利用できるモデルは、このオプションの候補に表示されます。
assistant-configured = 「{ $name }」はボットの運営者の設定によるもので、運営者だけが変更できます。
assistant-instructions-unreadable = 指示のファイルを読み込めなかったため、何も変更していません。256,000文字以内のテキストファイルで送ってください。
assistant-gone = このアシスタントは、アシスタントのサーバーにもう存在しません。ここでも削除するか、別のアシスタントを選択してください。
assistant-refused = アシスタントのサーバーに拒否されたため、何も変更していません。モデル「{ $model }」とファイルのサイズを確認してください。
assistant-api-failed = アシスタントのサーバーが応答していません。数分後にもう一度お試しください。
no-such-assistant = このサーバーに「{ $name }」というアシスタントはありません。`/{ assistant-command } { assistant-list-command }`で確認してください。
this-server = このサーバー
more-lines = …ほか{ $count }件

## Channels

channel-command = チャンネル
    .description = このチャンネルでの回答のしかたを選択します
channel-show-command = 表示
    .description = このチャンネルでの回答のしかたを表示します
channel-set-command = 設定
    .description = 回答のしかたを設定します
    .answer = 回答
    .answer-description = 回答するメッセージ
    .reply_in = 回答先
    .reply_in-description = テキストチャンネルの質問に回答する場所
    .context = 文脈
    .context-description = 質問の前に読むメッセージの件数
    .answered_tag = 回答済みタグ
    .answered_tag-description = 回答した投稿に付けるタグ
    .people_tag = 要対応タグ
    .people_tag-description = 人の対応が必要な投稿に付けるタグ
    .people_role = 担当ロール
    .people_role-description = 人の対応が必要なときに呼び出すロール
    .place = 場所
    .place-description = 設定する場所
channel-reset-command = リセット
    .description = このチャンネルの設定を解除します
    .place = 場所
    .place-description = 設定を解除する場所
channel-answer-choice =
    .mention = メンションされたメッセージ
    .every = すべてのメッセージ
    .posts = フォーラムの新しい投稿とメンション
    .never = 回答しない
channel-reply_in-choice =
    .thread = 質問ごとのスレッド
    .channel = チャンネル内
channel-place-choice =
    .channel = このチャンネルとそのスレッド
    .here = このチャンネルまたはスレッドのみ
    .category = このチャンネルのカテゴリー
    .server = サーバー全体
channel-answer-is =
    .mention = メンションされたメッセージに回答します。
    .every = すべてのメッセージに回答します。
    .posts = フォーラムの新しい投稿と、メンションされたメッセージに回答します。
    .never = 回答しません。
channel-reply-is =
    .thread = 質問ごとにスレッドを作成して回答します。
    .channel = チャンネル内で回答します。
channel-context-is = { $count ->
    [0] 質問だけを読みます。
   *[other] 質問の前の{ $count }件のメッセージも読みます。
}
channel-answered-tag-is = 回答した投稿のタグ：{ $name }
channel-people-tag-is = 人の対応が必要な投稿のタグ：{ $name }
channel-no-tag-set = なし
channel-line = { $line }{ $source }
channel-source-config = （運営者の設定）
channel-source-place = （{ $place }の設定）
channel-no-tag = このフォーラムに「{ $name }」というタグはありません。フォーラムでコマンドを実行し、そのタグから選んでください。
channel-nothing-to-set = 設定する項目が指定されていません。オプションを1つ以上指定してください。
channel-without-content = -# このボットはDiscordのMessage Contentインテントを使っていません。設定にかかわらず、メンションされたメッセージだけを読みます。
channel-lacks = ここでは次の権限が不足しています：{ $names }。管理者がチャンネルの設定で付与できます。
place-no-category = このチャンネルはカテゴリーに入っていません。ほかの場所を選んでください。
permission-view-channel = チャンネルを見る
permission-read-history = メッセージ履歴を読む
permission-send-messages = メッセージを送信
permission-send-in-threads = スレッドでメッセージを送信
permission-create-threads = 公開スレッドの作成
permission-manage-threads = スレッドの管理

## Conversations

thread-command = 会話
    .description = このチャンネルの会話の開始・エクスポート・削除を行います
thread-new-command = 新規
    .description = ここで新しい会話を始めます（これまでの内容は引き継ぎません）
    .mine = 自分の会話
    .mine-description = チャンネルの会話ではなく、コマンドで質問した自分の会話を対象にします
thread-info-command = 情報
    .description = この会話の情報を表示します
    .mine = 自分の会話
    .mine-description = チャンネルの会話ではなく、コマンドで質問した自分の会話を対象にします
thread-export-command = エクスポート
    .description = この会話をMarkdownとJSONでエクスポートします
    .mine = 自分の会話
    .mine-description = チャンネルの会話ではなく、コマンドで質問した自分の会話を対象にします
thread-rename-command = 名前変更
    .description = このスレッドの名前を変更します
    .name = 名前
    .name-description = 新しい名前
thread-delete-command = 削除
    .description = この会話をボットとアシスタントのサーバーから削除します
    .mine = 自分の会話
    .mine-description = チャンネルの会話ではなく、コマンドで質問した自分の会話を対象にします
conversation-new = 次の質問から新しい会話を始めます。これまでの内容はDiscordに残りますが、回答には使われません。
conversation-none = ここではまだ質問されていないため、会話がありません。
conversation-none-yours = ここではまだコマンドで質問していないため、自分の会話がありません。
conversation-yours = **`/{ ask-command }`とメッセージのメニューによる自分の会話：**
conversation-yours-too = -# ここには、`/{ ask-command }`とメッセージのメニューによる自分の会話もあります。オプション`{ thread-info-command.mine }: True`で選択できます。
conversation-private = 回答は自分だけに表示
conversation-elsewhere = この操作は、このボットを追加したサーバーでのみ使えます。
conversation-not-yours = この操作ができるのは、最初に質問した人と「メッセージの管理」権限を持つメンバーだけです。
conversation-not-readable = このチャンネルの履歴を読む権限がないため、エクスポートできません。
conversation-begun = { $when }に開始、回答{ $count }件
conversation-assistant = 回答：{ $name }
conversation-exported = 会話をエクスポートしました（{ $count }件のメッセージ）。
conversation-cut = ファイルが大きくなりすぎるため、古いメッセージは省略しました。
conversation-no-channel-thread = 名前を変更できるのはスレッドだけです。スレッド内で実行してください。
conversation-name-invisible = 表示できる文字が含まれていません。別の名前にしてください。
conversation-not-renamed = Discordが新しい名前を受け付けませんでした。「スレッドの管理」権限がないか、名前がフィルターでブロックされています。
conversation-renamed = スレッドの名前を「{ $name }」に変更しました。
conversation-busy = ここではまだ回答中です。回答が終わるのを待つか、キャンセルしてからもう一度お試しください。
conversation-deleted = この会話を消去し、アシスタントのサーバーからも削除しています。ほかの会話で使われていないファイルも削除されます。残るのは、Discord上のメッセージ、本文を含まない回答数・トークン数・評価数、そして運営者のバックアップ（更新されるまで）です。
export-question = 質問
export-answer = 回答
export-image = （画像）

## Hand-over to people

thread-handover-command = 引き継ぎ
    .description = 担当者を呼びます（再開するまで、このスレッドでは回答しません）
thread-resume-command = 再開
    .description = このスレッドで回答を再開します
people-called = <@&{ $role }> <@{ $member }>さんが担当者を呼んでいます。`/{ thread-command } { thread-resume-command }`が実行されるまで、このスレッドでは回答しません。
handover-begun = これから担当者が対応します。`/{ thread-command } { thread-resume-command }`が実行されるまで、ここでは回答しません。
handover-under-way = すでに担当者が対応中のため、ここでは回答しません。
handover-no-channel-thread = 担当者を呼べるのは、スレッドとフォーラムの投稿だけです。その中で実行してください。
handover-no-role = 呼び出すロールが設定されていないため、誰にも通知していません。管理者が`/{ channel-command } { channel-set-command } { channel-set-command.people_role }:`で設定できます。
handover-not-mentionable = <@&{ $role }>にメンションできないため、誰にも通知していません。管理者がこのロールへのメンションを全員に許可するか、ボットに「@everyone、@here、全てのロールにメンション」の権限を付与してください。
handover-called-before = 担当者には、この1時間以内にすでに通知しています。
handover-none = ここでは回答を停止していません。
handover-not-yours = この操作ができるのは、呼び出した人、担当者、「メッセージの管理」権限を持つメンバーだけです。
handover-ended = このスレッドでの回答を再開します。
channel-people-role-is = 担当者として呼び出すロール：<@&{ $role }>

## Greeting

hello = 👋 はじめまして、{ $name }です。「{ $mention } 空はなぜ青いのですか」のように、私にメンションして質問すると回答します。

## Help

help-command = ヘルプ
    .description = ここでの質問のしかたと、できることを表示します
help-ask-in-dm = **質問のしかた：** ここにそのまま書いてください。ファイルや画像も使えます。
help-ask-elsewhere = **ここでの質問のしかた：** `/{ ask-command }`を使うか、メッセージのメニューの「アプリ」から選んでください。
help-ask-mention = **ここでの質問のしかた：** 「@{ $name } 猫の名前を考えて」のように、メンションに続けて書いてください。ファイルや画像も使えます。
help-ask-posts = **ここでの質問のしかた：** 新しい投稿を作成するか、投稿の中で@{ $name }にメンションしてください。
help-ask-every = **ここでの質問のしかた：** そのまま書いてください。すべてのメッセージに回答します。
help-ask-write = **ここでの質問のしかた：** 回答の下の「質問を書く」を押すか、「@{ $name } 猫の名前を考えて」のようにメンションに続けて書いてください。ほかのメッセージは読み取れません。
help-ask-never = このチャンネルでは回答しません。ほかのチャンネルで質問するか、管理者に相談してください。
help-ask-people = このスレッドは担当者が対応しています。`/{ thread-command } { thread-resume-command }`が実行されるまで回答しません。
help-everybody = **全員：**
help-admins = **管理者：**
help-managers = **サーバー管理者：**
help-does =
    .ask = どこからでも質問（メッセージのメニューからも質問できます）
    .runs = 実行の確認・キャンセル・再試行
    .thread = 会話の開始・エクスポート・削除、担当者の呼び出し
    .schedule = 決まった時刻の質問とリマインダー
    .tools = アシスタントがここで呼び出せる関数の確認
    .usage = 自分の利用量の確認
    .privacy = 保存されている自分の情報の確認と削除
    .assistant = アシスタントの作成と選択
    .channel = 回答するタイミングと場所の設定
    .access = ボットを使える人の設定
    .settings = 言語・タイムゾーンなどの設定
    .limits = サーバーとメンバーの利用上限の設定

## Questions by command

ask-command = 質問
    .description = アシスタントに質問します（どこでも使えます）
    .question = 質問
    .question-description = 知りたいこと
    .file = ファイル
    .file-description = 質問に添えるファイルや画像
    .assistant = アシスタント
    .assistant-description = 回答するアシスタント（省略すると、いつものアシスタント）
    .private = 非公開
    .private-description = 回答を自分だけに表示します
# The names of entries in the menu of a message; Discord takes 32 characters.
ask-about-this-menu = このメッセージについて質問
explain-this-menu = このメッセージを説明
translate-this-menu = このメッセージを翻訳
explain-question = このメッセージの内容を、日本語でわかりやすく説明してください。
# The language is the one of the member's Discord, by its English name.
translate-question = このメッセージを{ $target ->
        [Japanese] 日本語
       *[other] { $target }
    }に翻訳してください。すでにその言語で書かれている場合は、内容をわかりやすく説明してください。
ask-empty = 質問が書かれていません。知りたいことを書いてください。
ask-about-nothing = このメッセージにはテキストもファイルもないため、読み取れません。
# Discord takes 45 characters for the title and the label, 100 for the hint.
ask-form = このメッセージについて質問
ask-form-question = 質問
    .description = メッセージの内容とあわせて読み取ります。
ask-form-old = メッセージが削除されたか、フォームを開いてから時間がたちすぎています。入力した内容はこちらです。
retry-by-button = 回答の下の「再試行」を押すか、`/{ ask-command }`でもう一度質問してください。

## Usage and limits

usage-command = 利用状況
    .description = 利用量と費用を確認します
usage-me-command = 自分
    .description = 自分の利用量を確認します
    .by = 集計
    .by-description = 集計の単位
    .days = 日数
    .days-description = 直近の日数
    .file = ファイル
    .file-description = CSVファイルも出力します
usage-server-command = サーバー
    .description = このサーバーの利用量を確認します（管理者用）
    .by = 集計
    .by-description = 集計の単位
    .days = 日数
    .days-description = 直近の日数
    .file = ファイル
    .file-description = CSVファイルも出力します
usage-by-choice =
    .day = 日
    .member = メンバー
    .model = モデル
    .channel = チャンネル
usage-none = 直近{ $days }日間の利用はありません。
usage-total = 直近{ $days }日間の利用：{ $amount }
usage-nobody = （削除済み）
usage-no-model = （不明）
limits-command = 上限
    .description = サーバー・チャンネル・メンバーの利用上限を決めます
limits-show-command = 表示
    .description = このサーバーの上限を表示します
limits-set-command = 設定
    .description = 上限を設定します（量を指定しない場合は解除します）
    .tokens_per_day = 1日のトークン
    .tokens_per_day-description = 1日のトークン数の上限
    .tokens_per_month = 1か月のトークン
    .tokens_per_month-description = 1か月のトークン数の上限
    .money_per_day = 1日の金額
    .money_per_day-description = 1日の金額の上限
    .money_per_month = 1か月の金額
    .money_per_month-description = 1か月の金額の上限
    .who = 対象者
    .who-description = メンバー、またはロール（そのメンバー1人ずつ）
    .channel = チャンネル
    .channel-description = チャンネル（スレッドを含みます）
    .whom = 対象
    .whom-description = 対象者もチャンネルも指定しない場合：サーバー全体、またはメンバー1人ずつ
limits-whom-choice =
    .server = サーバー全体
    .everyone = メンバー1人ずつ
limits-lift-command = 一時解除
    .description = 使い切った上限をその日や月が終わるまで解除します（指定しない場合はサーバーの上限）
    .who = 対象者
    .who-description = メンバー
    .channel = チャンネル
    .channel-description = チャンネル（スレッドを含みます）
limits-lifted = { $name }：<t:{ $until }:f>まで上限を解除しました。ボットの運営者が設定したサーバーの上限は変わりません。
limits-reached = 🛑 { $name }：{ $span }の予算を使い切りました（<t:{ $until }:R>に再開）。運営者が設定したサーバーの上限でなければ、`/{ limits-command } { limits-lift-command }`で解除できます。
limits-is-lifted = ✅ { $name }：<t:{ $until }:f>まで解除中
limits-with-use = { $limit }（使用済み：{ $used }）
limits-ends = 今日の予算は<t:{ $day }:R>、今月の予算は<t:{ $month }:R>にリセットされます。
limits-line = { $name }：{ $limits }
limits-server = このサーバー
limits-everyone = メンバー1人ずつ
limits-tokens_per_day = 1日{ $amount }トークン
limits-tokens_per_month = 1か月{ $amount }トークン
limits-money_per_day = 1日{ $amount }
limits-money_per_month = 1か月{ $amount }
limits-operator = このほかに、ボットの運営者が上限を設定していることがあります。
