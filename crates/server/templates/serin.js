// Keeps a page up to date that shows something which runs. Without it, loading the page again does the same.
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
