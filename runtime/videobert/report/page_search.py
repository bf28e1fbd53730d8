"""The search box of an HTML report: it finds stretches by the words that the page shows of them.

Its script is the same in every page and holds nothing of the video. The page's policy names it by its hash, so that a
browser runs this text and no other, and it reads what is shown and asks nobody.
"""

from __future__ import annotations

import base64
import hashlib

# Of a stretch the labels count and what is said of it, not the headings; of a block on the time line its tooltip.
_SCRIPT = """
(() => {
  const plain = text => text.normalize("NFKD").replace(/\\p{M}/gu, "").toLowerCase();
  const all = selector => [...document.querySelectorAll(selector)];
  const box = document.getElementById("find"), told = document.getElementById("found");
  const stretches = all(".segment"), marks = all(".block, .event"), words = new Map();
  for (const each of stretches) words.set(each, plain(
    [...each.querySelectorAll(".said, .candidate span")].map(part => part.textContent).join(" ")));
  for (const each of marks) words.set(each, plain(each.title));
  box.closest(".search").hidden = false;
  box.addEventListener("input", () => {
    const wanted = plain(box.value).split(/\\s+/).filter(word => word);
    const missed = each => wanted.some(word => !words.get(each).includes(word));
    for (const each of stretches) each.hidden = missed(each);
    for (const each of marks) each.classList.toggle("missed", missed(each));
    const found = stretches.filter(each => !each.hidden).length;
    told.textContent = wanted.length ? `${found} of ${stretches.length} stretches` : "";
  });
})();
"""
SCRIPT_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
SCRIPT = f"<script>{_SCRIPT}</script>"
# Shown by the script: without it a box would stand there that finds nothing.
SEARCH_BOX = (
    '<div class="search" hidden><label for="find">find</label>'
    '<input id="find" type="search" placeholder="words of an answer" autocomplete="off" spellcheck="false">'
    '<output id="found" for="find" aria-live="polite"></output></div>'
)
