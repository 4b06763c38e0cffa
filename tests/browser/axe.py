"""axe-core, as it looks at a page that somebody sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

SCRIPT = Path(__file__).parents[2] / "web" / "client" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
async () => {
  // While something modal is open (a dialog, a popover, a list, the transcript on a phone), all behind it is inert or
  // hidden from assistive technology, its main, its h1 and its regions too, and axe sees only what is not hidden.
  // These three rules ask for what the page has and hides by right; they are judged whenever nothing modal is open.
  const open = "[aria-modal=true], [data-rac][role=dialog], [role=listbox], [role=menu]"
  const modal = document.querySelector(open) !== null
  const ofPages = ['landmark-one-main', 'page-has-heading-one', 'region']
  const rules = Object.fromEntries(ofPages.map((rule) => [rule, { enabled: !modal }]))
  const { violations } = await axe.run(document, { resultTypes: ['violations'], rules })
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target} ${failureSummary}`))
}
"""


async def faults(page: Page) -> list[str]:
    """What axe finds wrong, with where it is; the page's policy allows no foreign script, so it is evaluated."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(SCRIPT.read_text())
    found: Any = await page.evaluate(RUN)
    return list(found)
