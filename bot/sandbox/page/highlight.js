// Colours code: comments, strings, numbers and the words that most languages share.

const WORDS = new Set((
  "and as assert async await break case catch class const continue def default del delete do elif else end enum " +
  "except export extends false False finally fn for from func function global if impl implements import in " +
  "interface is lambda let loop match module mut new nil None not null or package pass private protected pub " +
  "public raise return self static struct super switch then this throw throws trait true True try type typeof " +
  "union use using var void where while with yield select insert update delete create table join on group order by"
).split(" "));
const HASH_COMMENTS = new Set(["py", "python", "sh", "bash", "rb", "ruby", "yaml", "yml", "toml", "r", "perl"]);

export function highlight(code, language) {
  if (!language || language === "text" || language === "txt") return [document.createTextNode(code)];
  const comment = HASH_COMMENTS.has(language)
    ? "#[^\\n]*"
    : language === "sql" ? "--[^\\n]*" : "//[^\\n]*|/\\*[\\s\\S]*?\\*/";
  const token = new RegExp(
    `(${comment})|("""[\\s\\S]*?"""|"(?:\\\\.|[^"\\\\\\n])*"|'(?:\\\\.|[^'\\\\\\n])*'|\`(?:\\\\.|[^\`\\\\])*\`)` +
    "|\\b(\\d[\\d_.a-fx]*)\\b|\\b([A-Za-z_]\\w*)\\b", "g");
  const nodes = [];
  let at = 0;
  for (const found of code.matchAll(token)) {
    const kind = found[1] ? "com" : found[2] ? "str" : found[3] ? "num" : isWord(found[4], language) ? "kw" : null;
    if (!kind) continue;
    nodes.push(document.createTextNode(code.slice(at, found.index)));
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = found[0];
    nodes.push(span);
    at = found.index + found[0].length;
  }
  nodes.push(document.createTextNode(code.slice(at)));
  return nodes;
}

function isWord(word, language) {
  return WORDS.has(language === "sql" ? word.toLowerCase() : word);
}
