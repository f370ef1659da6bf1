"""Looks at the pages of a server as people do: at a phone's and a desk's width, in the dark and in the light, with and
without a script, by keyboard, and with axe's eyes for who sees or hears otherwise. Follows every link.

    python3 pages.py ADDRESS CHROMIUM AXE
"""

import sys
from urllib.parse import urljoin, urlparse

from playwright.sync_api import sync_playwright

MOST_BYTES = 200_000
MOST_LINKS = 60
FIRST = ["/", "/services", "/services/checkout", "/settings", "/sign-in"]
VIEWS = [("light", 1280), ("dark", 390), ("light", 768)]


def own_links(page, address):
    """Returns the paths of our own that a page links to."""
    links = page.eval_on_selector_all("a[href]", "links => links.map(it => it.href)")
    urls = [urlparse(urljoin(address, link)) for link in links]
    own = [url for url in urls if url.netloc == urlparse(address).netloc]
    return [url.path + ("?" + url.query if url.query else "") for url in own]


def faults_of(page, response, width, axe):
    """Returns what is wrong with a page that is shown."""
    faults = []
    size = len(response.body())
    if size > MOST_BYTES:
        faults.append(f"it has {size} bytes")
    scrolled = page.evaluate("document.documentElement.scrollWidth")
    if scrolled > width:
        faults.append(f"it is {scrolled} px wide in a window of {width}")
    page.evaluate(axe)
    for found in page.evaluate("axe.run()")["violations"]:
        faults.append(f"axe: {found['help']}: {found['nodes'][0]['html'][:160]}")
    return faults


def main():
    address, chromium, axe_file = sys.argv[1:]
    with open(axe_file, encoding="utf-8") as file:
        axe = file.read()
    faults, looked, slowest = [], 0, (0.0, "")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme, width in VIEWS:
            # Axe itself is a script of somebody else's; that the policy holds is tested elsewhere.
            context = browser.new_context(
                color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
            )
            page = context.new_page()
            said = []
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            waiting, known = list(FIRST), set(FIRST)
            while waiting:
                path = waiting.pop(0)
                # What is no page is only asked for.
                if not path.startswith(("/services", "/analyses", "/verdicts", "/changes", "/settings", "/sign-in")) and path != "/":
                    answer = context.request.get(address + path)
                    if not answer.ok:
                        faults.append(f"{path}: {answer.status}")
                    continue
                if "/report" in path or "format=" in path or path.endswith(".svg"):
                    if not context.request.get(address + path).ok:
                        faults.append(f"{path}: it does not answer")
                    continue
                response = page.goto(address + path, wait_until="load")
                looked += 1
                if not response.ok:
                    faults.append(f"{path}: {response.status}")
                    continue
                timing = response.request.timing
                slowest = max(slowest, (timing["responseEnd"], path))
                faults += [f"{scheme} {width} {path}: {it}" for it in faults_of(page, response, width, axe)]
                for link in own_links(page, address):
                    if link not in known and len(known) < MOST_LINKS:
                        known.add(link)
                        waiting.append(link)
            page.goto(address + "/")
            page.keyboard.press("Tab")
            first = page.evaluate("document.activeElement.textContent")
            if first != "Skip to the content":
                faults.append(f"the first key leads to {first!r}")
            faults += [f"{scheme} {width}: the browser says {it}" for it in said]
            context.close()
        plain = browser.new_context(java_script_enabled=False).new_page()
        plain.goto(address + "/")
        if plain.locator("table tr").count() < 2:
            faults.append("without a script the first page shows nothing")
        browser.close()
    print(f"{looked} pages looked at; the slowest took {slowest[0]:.0f} ms: {slowest[1]}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults or looked < 3 * len(FIRST) else 0)


if __name__ == "__main__":
    main()
