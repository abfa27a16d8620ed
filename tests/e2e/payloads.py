"""Forty texts that somebody could give a server, a snapshot or an error, each of which breaks careless pages (X12).

Whatever would run sets `window.harmed`, or opens a dialog, or asks for an address that does not exist.
"""

HARM = "window.harmed=1"
LONG_WORD = "wordwithoutend" * 715
LONG_TEXT = "many words " * 930

PAYLOADS = (
    f"<script>{HARM}</script>",
    f'"><script>{HARM}</script>',
    f"'><script>{HARM}</script>",
    f"</title><script>{HARM}</script>",
    f"</textarea><script>{HARM}</script>",
    f"</option></select><script>{HARM}</script>",
    f"</time></td></table><script>{HARM}</script>",
    f"<!--><script>{HARM}</script>-->",
    f"<![CDATA[<script>{HARM}</script>]]>",
    f"<img src=x onerror={HARM}>",
    f'"><img src=x onerror="{HARM}">',
    f"<svg onload={HARM}>",
    f"<svg><script>{HARM}</script></svg>",
    f"<math><mtext><img src=x onerror={HARM}></mtext></math>",
    f"<details open ontoggle={HARM}>",
    f"<input autofocus onfocus={HARM}>",
    f"<video><source onerror={HARM}></video>",
    f"<iframe srcdoc='<script>parent.{HARM}</script>'></iframe>",
    f"<a href='javascript:{HARM}'>click</a>",
    f"javascript:{HARM}",
    f'" onmouseover="{HARM}" x="',
    f"' onfocus='{HARM}' autofocus x='",
    '<div hx-get="/no/such/page" hx-trigger="load">',
    '" hx-get="/no/such/page" hx-trigger="load" x="',
    "<meta http-equiv=refresh content='0;url=/no/such/page'>",
    "<base href='https://example.com/'>",
    "<style>body{display:none}</style>",
    "<form action='/accounts/logout/' method=post><button>Refresh</button></form>",
    "{{ team.name }}{% debug %}{% include 'base.html' %}",
    "${7*7}#{7*7}<%= 7*7 %>%7B%7B7*7%7D%7D",
    "&lt;script&gt;&#106;&#97;&amp;amp;",
    '=HYPERLINK("https://example.com","click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u202egnp.exe \u05e9\u05e8\u05ea \u062e\u0627\u062f\u0645 \u2066\u2067",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a" * 40,
    "🔥🚒🧯 👩\u200d👩\u200d👧\u200d👦 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\u2028line\u2029paragraph\ufeff\u200b\tand\x0bodd\x1bspaces\x7f",
    "../../../../etc/passwd%00.png\\..\\..",
    LONG_WORD,
    LONG_TEXT,
)
