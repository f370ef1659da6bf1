// Keeps a page up to date that shows something which runs; without it, loading the page again does the same. Copies
// pictures.
"use strict";
const main = document.querySelector("main[data-live]");
const EVERY = 2000;
let tag = null;

async function refresh() {
  if (document.hidden) return;
  const headers = tag ? { "if-none-match": tag } : {};
  const answer = await fetch(location.href, { headers, cache: "no-store" });
  if (answer.status === 304 || !answer.ok) return;
  const isFirst = tag === null;
  tag = answer.headers.get("etag");
  if (isFirst) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main");
  // Who is in the middle of something is not disturbed.
  if (!fresh || main.contains(document.activeElement) || !getSelection().isCollapsed) return;
  main.replaceChildren(...fresh.childNodes);
  document.title = page.title;
}

if (main) {
  setInterval(() => refresh().catch(() => {}), EVERY);
  document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
}

// Chats take no SVG: it is drawn, and put where the next paste finds it, or saved where that is not allowed.
async function drawn(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1200, 630];
  canvas.getContext("2d").drawImage(image, 0, 0, 1200, 630);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

async function copy(button) {
  const picture = drawn(button.dataset.copy);
  const say = (text) => { button.parentElement.querySelector("[role=status]").textContent = text; };
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
    say("It is in the clipboard.");
  } catch {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await picture);
    link.download = "verdict.png";
    link.click();
    URL.revokeObjectURL(link.href);
    say("It is saved as verdict.png.");
  }
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button).catch(() => {}));
}
