// The page's own words in the visitor's language: English, or Japanese where the browser prefers that.

export const LANGUAGE = navigator.language.startsWith("ja") ? "ja" : "en";

const JAPANESE = {
  "Skip to the composer": "入力欄へ移動", "Servers": "サーバー", "Direct messages": "ダイレクトメッセージ", "Take the tour": "ツアーを始める", "Light or dark": "ライト／ダークの切り替え",
  "Channels": "チャンネル", "You are": "あなた", "Model": "モデル", "SCRIPTED": "台本", "Troubles": "トラブル", "Members": "メンバー", "Welcome": "ようこそ", "Close the welcome": "案内を閉じる",
  "Messages": "メッセージ", "Prepared questions": "用意された質問", "Suggestions": "候補", "Files to send": "送信するファイル", "Attach files": "ファイルを添付", "Record a voice message": "ボイスメッセージを録音", "Message": "メッセージ", "Send": "送信", "Tour": "ツアー",
  "Go to": "移動先", "The application did not respond": "アプリケーションが応答しませんでした", "New post: its title, then its text on the next lines": "新しい投稿：1行目にタイトル、次の行から本文", "Message {}": "{}へメッセージを送信", "in #{}": "#{}内", "{} is offline": "{}はオフラインです",
  "Forward to": "転送先", "Apps": "アプリ", "Forward": "転送", "The sandbox does not answer.": "サンドボックスが応答しません。", "Remove {}": "{}を外す", "Replying to {}": "{}に返信", "Editing your message": "メッセージを編集中", "Stop": "中止",
  "Cancel the command": "コマンドをやめる", "Cancel": "キャンセル", "Submit": "送信する", "Close": "閉じる", "There is nothing to choose.": "選べるものがありません。", "Choose": "選択", "Choose…": "選択…",
  "Online": "オンライン", "Offline": "オフライン", "online": "オンライン", "offline": "オフライン", "unread": "未読", "New": "新着", "{} mentions": "メンション{}件",
  "Only you can see this": "このメッセージはあなただけに表示されています", "Dismiss message": "メッセージを非表示", "(edited)": "（編集済み）", "React with {}": "{}でリアクション", "Reply": "返信", "Edit": "編集", "Delete": "削除", "Start a thread": "スレッドを作成", "{} used /{}": "{}が/{}を使用", "Original message was deleted": "元のメッセージは削除されました",
  "There are no messages here yet.": "まだメッセージがありません。", "Posts of this forum:": "このフォーラムの投稿：", "1 message": "メッセージ1件", "{} messages": "メッセージ{}件", "Voice message": "ボイスメッセージ", "Send as a voice message": "ボイスメッセージとして送信", "The browser can't read this recording.": "ブラウザーがこの録音を読み取れません。", "No microphone can be used. Attach a recording and press 🎤 beside its name.": "マイクを使えません。録音を添付し、名前の横の🎤を押してください。", "Vote": "投票", "Take back": "取り消す", "Spoiler: show": "ネタバレを表示", "Picture": "画像",
};

// The text in the visitor's language, with the values in place of its {}.
export function say(text, ...values) {
  const words = (LANGUAGE === "ja" && JAPANESE[text]) || text;
  return words.replaceAll("{}", () => values.shift());
}

// The words that the page has from its start.
export function translatePage() {
  document.documentElement.lang = LANGUAGE;
  for (const node of document.querySelectorAll("[aria-label], [title], .skip, label, button, .tag")) {
    for (const name of ["aria-label", "title"]) if (node.hasAttribute(name)) node.setAttribute(name, say(node.getAttribute(name)));
    if (!node.children.length && node.textContent) node.textContent = say(node.textContent);
  }
}
