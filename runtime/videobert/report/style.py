"""The style sheet of the HTML report: system fonts, light and dark, nothing fetched."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --ink: #1b1f27; --soft: #5d6675; --faint: #667080; --line: #e3e6ec;
  --track: #eceff4; --accent: #4457d6; --far: #e39a35; --good: #11703f; --good-back: #e2f5ea; --warn: #9a5b00;
  --warn-back: #fdf0d8;
  --block-s: 72%; --block-l: 88%; --block-ink-l: 24%; --slim-l: 36%; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12141a; --card: #1b1e26; --ink: #e8eaf0; --soft: #a3abba; --faint: #8c94a3; --line: #2b303b;
  --track: #272c36; --accent: #8c9bff; --far: #d9963c; --good: #6fd6a0; --good-back: #173226; --warn: #f2bf6b;
  --warn-back: #3a2c12;
  --block-s: 58%; --block-l: 25%; --block-ink-l: 86%; --slim-l: 62%; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Noto Sans", "Liberation Sans", sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1100px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 2px 0 4px; overflow-wrap: anywhere; letter-spacing: -.01em; }
h2 { font-size: 13px; font-weight: 600; margin: 0 0 14px; color: var(--soft); text-transform: uppercase;
  letter-spacing: .06em; }
p { margin: 0; }
.brand { color: var(--accent); font-weight: 600; font-size: 13px; }
.facts, .note { color: var(--soft); }
.caption { font-size: 17px; margin-top: 8px; max-width: 46em; } .said { color: var(--soft); margin-bottom: 4px; }
.note { font-size: 13px; margin-top: 10px; }
.head { display: flex; justify-content: space-between; align-items: flex-start; gap: 20px; margin-bottom: 18px; }
.badge { flex: none; border-radius: 999px; padding: 5px 14px; font-weight: 600; font-size: 13px; margin-top: 18px; }
.badge.in { color: var(--good); background: var(--good-back); }
.badge.out { color: var(--warn); background: var(--warn-back); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px;
  margin-bottom: 16px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px; margin-bottom: 16px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 10px 16px 12px; }
.tile b { display: block; font-size: 21px; line-height: 1.3; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 12.5px; }
.lane { display: grid; grid-template-columns: 92px 1fr; align-items: center; margin-bottom: 6px; }
.lane > .name { color: var(--soft); font-size: 13px; padding-right: 12px; overflow: hidden; text-overflow: ellipsis; }
.strip { position: relative; height: 30px; min-width: 0; }
.film { height: 97px; }
.film i { position: absolute; top: 0; height: 78px; background-size: auto 100%; background-repeat: no-repeat;
  border: 1px solid var(--card); border-width: 0 1px; border-radius: 6px; background-clip: padding-box; }
.film span { position: absolute; left: 50%; top: 80px; transform: translateX(-50%); font-style: normal;
  font-size: 11px; line-height: 15px; color: var(--faint); white-space: nowrap; font-variant-numeric: tabular-nums; }
.picture { background-size: cover; background-position: center; background-color: var(--track); }
.axis { height: 22px; border-top: 1px solid var(--line); margin-top: 3px; }
.axis i { position: absolute; top: 0; height: 5px; border-left: 1px solid var(--faint); }
.axis span { position: absolute; top: 4px; transform: translateX(-50%); font-size: 11.5px; color: var(--faint);
  white-space: nowrap; font-variant-numeric: tabular-nums; }
.axis span.first { transform: none; } .axis span.last { transform: translateX(-100%); }
.block { position: absolute; top: 0; bottom: 0; border-radius: 6px; font-size: 13px; line-height: 30px; padding: 0 6px;
  overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font-weight: 550; border: 1px solid var(--card);
  border-width: 0 1px; background-clip: padding-box; background-color: hsl(var(--h) var(--s, var(--block-s))
  var(--block-l)); color: hsl(var(--h) var(--s, 60%) var(--block-ink-l)); }
.block.slim { padding: 0; border: 0; border-radius: 0; background-color: hsl(var(--h) var(--s, 60%) var(--slim-l)); }
.block.open { background-color: var(--track); color: var(--soft); font-weight: 400; }
.block.open.slim { background-color: var(--line); }
.shots { height: 18px; }
.shot { position: absolute; top: 0; bottom: 0; font-size: 11px; line-height: 18px; padding: 0 6px; overflow: hidden;
  border-radius: 4px; border: 1px solid var(--card); border-width: 0 1px; background-clip: padding-box;
  background-color: var(--track); color: var(--soft); font-variant-numeric: tabular-nums; }
.shot.other { background-color: var(--line); }
.shot.slim { padding: 0; border: 0; border-radius: 0; }
.levels.dense i { border: 0; border-radius: 0; }
.levels { height: 46px; border-bottom: 1px solid var(--line); }
.levels i { position: absolute; bottom: 0; background: var(--accent); opacity: .55; border: 0 solid var(--card);
  border-width: 0 1px; background-clip: padding-box; border-radius: 3px 3px 0 0; }
.levels i.far { background: var(--far); opacity: 1; }
.segment { display: grid; grid-template-columns: 92px 132px 1fr; gap: 18px; padding: 12px 0; align-items: start;
  border-top: 1px solid var(--line); content-visibility: auto; contain-intrinsic-size: auto 116px; }
.segment:first-of-type { border-top: 0; padding-top: 0; } .segment:last-of-type { padding-bottom: 0; }
.segment.plain { grid-template-columns: 132px 1fr; }
.segment > .picture { width: 92px; height: 92px; border-radius: 8px; }
.when { font-weight: 600; font-variant-numeric: tabular-nums; }
.tokens { display: flex; flex-wrap: wrap; gap: 4px; margin-top: 5px; }
.tokens code { background: var(--track); color: var(--soft); border-radius: 5px; padding: 0 6px; }
code { font: 12px/1.6 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.small { font-size: 12px; color: var(--faint); }
.answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 8px 20px; }
.long .answers { grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); }
.answers h3 { margin: 0 0 2px; font-size: 12px; font-weight: 500; color: var(--faint); }
.candidate { display: grid; grid-template-columns: 1fr 44px 30px; gap: 7px; align-items: center; font-size: 13px;
  color: var(--soft); line-height: 1.55; }
.candidate.best { color: var(--ink); font-weight: 600; }
.open h3 b { font-weight: 500; color: var(--soft); background: var(--track); border-radius: 5px; padding: 1px 6px; }
.open .candidate.best { color: var(--soft); font-weight: 400; } .open .candidate .bar i { background: var(--faint);
  opacity: .45; }
.warning { background: var(--warn-back); color: var(--warn); border: 1px solid; border-radius: 12px; padding: 12px 18px;
  margin-bottom: 16px; font-weight: 600; font-size: 16px; }
.doubt .candidate.best { color: var(--soft); font-weight: 400; } .doubt .block { font-weight: 400; }
.doubt .candidate .bar i { background: var(--faint); }
.candidate span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.candidate em { font-style: normal; text-align: right; font-variant-numeric: tabular-nums; font-size: 12px; }
.bar { height: 6px; border-radius: 3px; background: var(--track); overflow: hidden; }
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--accent); }
.level { font-size: 12px; color: var(--faint); margin-top: 6px; }
.level .bar { margin: 2px 0 3px; height: 5px; } .level .bar i { background: var(--accent); opacity: .6; }
.level b { color: var(--soft); font-weight: 600; } .level.far b { color: var(--warn); }
.level.far .bar i { background: var(--far); opacity: 1; }
.events { display: grid; gap: 5px; }
.event { display: grid; grid-template-columns: 132px minmax(150px, 2fr) 3fr 34px; gap: 14px; align-items: center;
  font-size: 13px; }
.event b { font-weight: 600; overflow-wrap: anywhere; } .event span span { color: var(--faint); }
.event .track { position: relative; height: 10px; border-radius: 3px; background: var(--track); overflow: hidden; }
.event .track i { position: absolute; top: 0; bottom: 0; min-width: 2px; border-radius: 3px;
  background-color: hsl(var(--h) var(--s, 60%) var(--slim-l)); }
.event em { font-style: normal; text-align: right; font-size: 12px; color: var(--soft);
  font-variant-numeric: tabular-nums; }
.doubt .event b { font-weight: 400; color: var(--soft); }
.search { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; margin-bottom: 16px; color: var(--soft);
  font-size: 13px; }
.search input { font: inherit; color: var(--ink); background: var(--page); border: 1px solid var(--faint);
  border-radius: 8px; padding: 5px 10px; width: 16em; max-width: 100%; }
.search input:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.search[hidden], .segment[hidden], .event.missed { display: none; }
.block.missed { opacity: .18; }
.columns { display: grid; grid-template-columns: 3fr 2fr; gap: 16px; align-items: stretch; }
.stage { display: grid; grid-template-columns: 84px 1fr 70px; gap: 10px; align-items: center; font-size: 13px;
  margin-bottom: 7px; }
.stage .run { position: relative; height: 16px; background: var(--track); border-radius: 4px; overflow: hidden; }
.stage .run i { position: absolute; top: 0; bottom: 0; min-width: 2px; border-radius: 4px; background: var(--accent);
  opacity: .8; }
.stage.total .run i { background: var(--faint); opacity: .6; }
.stage em { font-style: normal; text-align: right; font-variant-numeric: tabular-nums; color: var(--soft); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 18px; margin: 0; font-size: 13.5px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.fallback, .trouble { color: var(--warn); }
footer { color: var(--faint); font-size: 12.5px; text-align: center; margin-top: 22px; }
@media (max-width: 760px) { .columns { grid-template-columns: 1fr; } .head { display: block; }
  .segment, .segment.plain { grid-template-columns: 92px 1fr; } .segment > :last-child { grid-column: 1 / -1; }
  .lane { grid-template-columns: 64px 1fr; } .badge { display: inline-block; }
  .film i:nth-child(even) span { display: none; }
  .event { grid-template-columns: 1fr 34px; gap: 1px 10px; } .event .when, .event .track { grid-column: 1 / -1; } }
"""
