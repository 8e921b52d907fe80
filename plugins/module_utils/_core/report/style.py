# SPDX-License-Identifier: GPL-3.0-or-later
"""The style sheet of a report: light, dark where the reader's system is dark, and light on paper.

Every pair of text and background has a contrast of 4.5 or more, every line one of 3 or more (WCAG 2.2, 1.4.3 and
1.4.11); a test computes them in a browser.
"""

from __future__ import annotations

_LIGHT = """
--page:#f3f5f8;--card:#ffffff;--text:#18202b;--muted:#556071;--rule:#dbe1e9;--rule-strong:#7d8896;--link:#0b5cad;
--blue:#1f6fc4;--orange:#b4560b;--purple:#7a45c8;--green:#1b7f46;--red:#c22f2f;--teal:#0b7c86;--brown:#8a6a10;
--soft-blue:#dcebfb;--soft-orange:#fbe6d2;--soft-purple:#e7dcf8;--soft-green:#dcf3e4;--soft-red:#fbdfdf;
--soft-grey:#e9edf2;--ink-green:#125c32;--ink-red:#93191f;--ink-orange:#7d3b06;--mark:#18202b;--on-mark:#ffffff;
--waited:#8f6c00;
"""
_DARK = """
--page:#0d1219;--card:#161d27;--text:#e7ecf3;--muted:#a3afbf;--rule:#2a3442;--rule-strong:#7d8a9b;--link:#7dbcff;
--blue:#69b1ff;--orange:#f0a35e;--purple:#bd9bff;--green:#63d394;--red:#ff8585;--teal:#4fd0d9;--brown:#dcbc5a;
--soft-blue:#16304d;--soft-orange:#44290f;--soft-purple:#332352;--soft-green:#123a26;--soft-red:#4a1d20;
--soft-grey:#242e3b;--ink-green:#8ee8b4;--ink-red:#ffb0b0;--ink-orange:#ffc792;--mark:#e7ecf3;--on-mark:#161d27;
--waited:#dcbc5a;
"""
_RULES = """
*{box-sizing:border-box}
html{color-scheme:light dark;background:var(--page)}
body{margin:0 auto;max-width:1240px;padding:1.5rem 1rem 3rem;color:var(--text);background:var(--page);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0 .6rem;letter-spacing:-.01em}
h2{font-size:1.25rem;margin:0 0 .6rem}
h2 small{font-weight:400;color:var(--muted);font-size:.95rem}
h3{font-size:1rem;margin:1.4rem 0 .4rem}
a{color:var(--link)}
code{font:.86em/1.4 ui-monospace,"DejaVu Sans Mono",monospace}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem;border-radius:.4rem}
.lead{margin:0 0 1rem;padding:0;list-style:none;color:var(--muted)}
.card{background:var(--card);border:1px solid var(--rule);border-radius:.7rem;padding:1.1rem 1.2rem;margin:0 0 1.2rem}
.note,footer{color:var(--muted);font-size:.9rem}
.note{margin:.3rem 0}
.bad-text{color:var(--ink-red);margin:.2rem 0 0}
.pills{display:flex;flex-wrap:wrap;gap:.4rem;margin:.2rem 0 .8rem}
.pill{display:inline-block;border-radius:1rem;padding:.05rem .65rem;background:var(--soft-grey);font-size:.88rem}
.pill .label{color:var(--muted)}
.pill.ok{background:var(--soft-green);color:var(--ink-green);font-weight:600}
.pill.wary{background:var(--soft-orange);color:var(--ink-orange);font-weight:600}
.pill.bad{background:var(--soft-red);color:var(--ink-red);font-weight:600}
td .pill{white-space:nowrap}
.tiles{display:flex;flex-wrap:wrap;gap:.7rem;margin:0 0 .8rem}
.tile{flex:1 1 9rem;min-width:0;border:1px solid var(--rule);border-radius:.5rem;padding:.5rem .8rem}
.tile strong{display:block;font-size:1.4rem;line-height:1.25}
.tile span{color:var(--muted);font-size:.86rem}
.tile.ok strong{color:var(--ink-green)}
.tile.wary strong{color:var(--ink-orange)}
.tile.bad strong{color:var(--ink-red)}
.scroll{overflow-x:auto;max-width:100%}
.scroll:focus-visible,a:focus-visible,button:focus-visible,input:focus-visible{
outline:3px solid var(--link);outline-offset:2px}
svg.chart{display:block;width:100%;min-width:680px;height:auto;font:12px/1 system-ui,"Liberation Sans",sans-serif}
svg text{fill:var(--text)}
svg text.tick,svg text.expected-text{fill:var(--muted)}
svg text.shade-label{fill:var(--text)}
svg text.panel{font-weight:600;font-size:13px}
.grid{stroke:var(--rule);stroke-width:1}
.axis{stroke:var(--rule-strong);stroke-width:1}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.l-left,.l-bandwidth{stroke:var(--blue)}
.l-dirty{stroke:var(--orange)}
.l-needed{stroke:var(--orange)}
.l-limit{stroke:var(--green)}
.l-allowed{stroke:var(--red);stroke-dasharray:7 5}
.c0{stroke:var(--blue)}.c1{stroke:var(--orange)}.c2{stroke:var(--green)}.c3{stroke:var(--purple)}
.c4{stroke:var(--red)}.c5{stroke:var(--teal)}.c-more{stroke:var(--rule-strong)}
.expected{stroke:var(--muted);stroke-width:1.3;stroke-dasharray:3 4}
.dot{fill:var(--card);stroke:var(--blue);stroke-width:2}
.dot-needed{fill:var(--orange)}
.band-setup{fill:var(--soft-grey)}
.band-postcopy{fill:var(--soft-blue)}
.band-broken{fill:var(--soft-red)}
.band-standstill{fill:var(--red);fill-opacity:.45}
.band-silence{fill:var(--waited);fill-opacity:.35}
.band-unseen{fill:var(--waited);fill-opacity:.18}
.band-throttle{fill:var(--soft-purple);stroke:var(--purple);stroke-width:1}
.mark-line{stroke:var(--rule-strong);stroke-width:1;stroke-dasharray:2 4}
.mark-line.acts{stroke:var(--mark);stroke-dasharray:none}
.acts .mark{fill:var(--mark)}
.acts .mark-text{fill:var(--on-mark);font-weight:600;font-size:11px}
.waits .mark{fill:var(--card);stroke:var(--rule-strong);stroke-width:1.3}
.waits .mark-text{font-size:11px}
.badge{display:inline-block;min-width:1.5rem;border-radius:1rem;text-align:center;font-size:.8rem;padding:0 .35rem}
.badge.acts{background:var(--mark);color:var(--on-mark);font-weight:600}
.badge.waits{border:1px solid var(--rule-strong)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:.3rem 0 .8rem;padding:0;font-size:.87rem;
color:var(--muted)}
.swatch{width:26px;height:12px;vertical-align:-1px;margin-right:.35rem}
.s-measured{fill:var(--teal)}
.s-waited{fill:var(--waited)}
.s-sent{fill:var(--blue)}
.s-verified{fill:var(--green)}
table{border-collapse:collapse;font-size:.9rem;overflow-wrap:break-word}
.plain,.sortable{width:100%}
.plain.small{width:auto}
th,td{text-align:left;vertical-align:top;padding:.32rem .6rem;border-bottom:1px solid var(--rule)}
thead th{color:var(--muted);font-weight:600;white-space:nowrap;border-bottom:2px solid var(--rule)}
tbody th{font-weight:600}
thead th.num{text-align:right}
.sortable tbody th{min-width:7rem}
td code{white-space:nowrap}
.todo code{white-space:normal}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.bar{min-width:220px;width:32%}
td.bar svg{display:block;width:100%;height:12px;background:var(--soft-grey);border-radius:2px;margin-top:.3rem}
.go{color:var(--ink-green)}
.warns{color:var(--ink-orange);font-weight:700}
.no{color:var(--ink-red);font-weight:700}
td.go,td.no,td.warns,td.none{text-align:center}
td.none{color:var(--muted)}
td.no{background:var(--soft-red)}
.todo,.ways{margin:0;padding-left:1.1rem}
.wide{max-height:82vh;overflow:auto}
.wide thead th{position:sticky;top:0;background:var(--card);z-index:1}
.controls{display:flex;flex-wrap:wrap;gap:.8rem;align-items:center;margin:.5rem 0;font-size:.9rem}
.controls[hidden]{display:none}
.controls output{color:var(--muted)}
input{font:inherit;color:var(--text);background:var(--card);border:1px solid var(--rule-strong);
border-radius:.4rem;padding:.2rem .5rem;max-width:100%}
thead button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;
text-decoration:underline dotted;text-underline-offset:.2em}
th[aria-sort=ascending] button::after{content:" \\2191"}
th[aria-sort=descending] button::after{content:" \\2193"}
tr[hidden]{display:none}
"""
_PRINT = """
@page{margin:12mm}
html,body{background:#ffffff}
body{max-width:none;padding:0;font-size:10pt}
.card{border:0;border-top:1px solid var(--rule);border-radius:0;padding:.6rem 0}
.controls,.skip,footer{display:none}
.scroll,.wide{overflow:visible;max-height:none}
.wide thead th{position:static}
svg.chart{min-width:0;break-inside:avoid}
.tile,tr,.pills{break-inside:avoid}
h2,h3{break-after:avoid}
thead{display:table-header-group}
thead button{text-decoration:none}
table{font-size:8pt}
th,td{padding:.12rem .25rem;overflow-wrap:anywhere;min-width:1.9rem}
.num,thead th,td code,td .pill{white-space:normal}
.sortable tbody th{min-width:3rem}
td.bar{min-width:60px;width:22%}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
"""


def _sheet() -> str:
    """``@media`` blocks with a space between braces, so that no template engine finds anything in it."""
    return (
        f":root{{{_LIGHT}}}"
        f"@media screen and (prefers-color-scheme:dark){{\n:root{{{_DARK}}}\n}}"
        f"{_RULES}@media print{{\n{_PRINT}}}\n"
    )


STYLE = _sheet()
