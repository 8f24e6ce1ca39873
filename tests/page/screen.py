"""What somebody does at the page, in his words."""

from playwright.sync_api import Locator, Page, expect

PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


class Screen:
    """The page in a tab."""

    def __init__(self, tab: Page, address: str) -> None:
        self.tab = tab
        self.address = address

    def open(self, path: str = "") -> None:
        """Go to an address of the page: "/queues"."""
        self.tab.goto(f"{self.address}/#{path}")

    def log_in(self, name: str, password: str) -> None:
        """Fill in the form; what comes of it is for others to see."""
        self.field("Name").fill(name)
        self.field("Password").fill(password)
        self.press("Log in")

    def field(self, label: str) -> Locator:
        """Return a field by its label."""
        return self.tab.get_by_label(label, exact=True)

    def press(self, name: str) -> None:
        """Press a button."""
        self.tab.get_by_role("button", name=name, exact=True).click()

    def go_to(self, entry: str) -> None:
        """Follow an entry of the sidebar."""
        self.tab.locator("nav.side").get_by_title(entry, exact=True).click()

    def shows(self, heading: str) -> None:
        """Is this the page?"""
        expect(self.tab.get_by_role("heading", name=heading, level=1)).to_be_visible()

    def says(self, text: str) -> None:
        """Is it written somewhere?"""
        expect(self.tab.get_by_text(text).first).to_be_visible()

    def row(self, text: str) -> Locator:
        """Return the row of a table."""
        return self.tab.locator(".t-body .t-row", has_text=text)

    def figure(self, what: str) -> Locator:
        """Return the value of a figure at the head of a page."""
        figure = self.tab.locator(".figure", has=self.tab.get_by_text(what, exact=True))
        return figure.locator(".value")
