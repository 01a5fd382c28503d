"""The command palette: every action of keys.py by name, those of the open screen first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.markup import escape

from zen_tui.tui.action import Action
from zen_tui.tui.keys import ACTIONS, LABELS, PLACES, scopes

if TYPE_CHECKING:
    from zen_tui.tui.app import ZenApp


class Commands(Provider):
    """Offers what works on the open screen, and what works on the other six after going there."""

    async def discover(self) -> Hits:
        for scope, action in self.offered():
            yield DiscoveryHit(_title(scope, action), partial(self.run, scope, action), help=_help(action))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for scope, action in self.offered():
            title = _title(scope, action)
            score = max(matcher.match(title), 0.8 * matcher.match(action.tooltip))
            if score > 0:
                run = partial(self.run, scope, action)
                yield Hit(score, matcher.highlight(title), run, text=title, help=_help(action))

    def offered(self) -> Iterator[tuple[str, Action]]:
        """(scope, action) for the open screen, then for the app, then for the other main screens."""
        here = scopes(getattr(self.screen, "scope", "app"))
        others = [place for place in PLACES if place not in here]
        for scope in (*here, *others):
            for action in ACTIONS[scope]:
                if action.id != "app.palette":
                    yield scope, action

    async def run(self, scope: str, action: Action) -> None:
        app = cast("ZenApp", self.app)
        if scope in PLACES and getattr(app.screen, "scope", "") != scope:
            await app.action_go(scope)
            app.screen.call_after_refresh(partial(_run, app, scope, action))
        else:
            await _run(app, scope, action)


async def _run(app: ZenApp, scope: str, action: Action) -> None:
    node = next((node for node in _nodes(app) if scope in _scopes(node)), app)
    await app.run_action(action.action, default_namespace=node)


def _scopes(node: DOMNode) -> set[str]:
    """The scopes that a screen or a widget answers to: its own, and those of what it is made from."""
    return {str(vars(kind).get("scope", "")) for kind in type(node).__mro__}


def _nodes(app: ZenApp) -> Iterator[DOMNode]:
    if app.focused is not None:
        yield app.focused
    yield app.screen
    yield from app.screen.query("*")


def _title(scope: str, action: Action) -> str:
    place = "Zen" if scope == "app" else LABELS.get(scope, scope.capitalize())
    stars = f" {action.key}" if action.label == "rate" else ""
    return f"{place}: {action.label}{stars}"


def _help(action: Action) -> str:
    return f"{action.tooltip} Key: {escape(action.shown_key)}" if action.key else action.tooltip
