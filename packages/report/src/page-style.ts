/** The style of every report. Wide tables and charts scroll in their own box, so the page never scrolls sideways. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5c6670; --line: #dfe3e7; --page: #fff; --card: #f7f8f9;
  --good: #0b7a55; --bad: #b3361b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #9aa5b0; --line: #343b43; --page: #15181c; --card: #1d2126;
    --good: #4cc79a; --bad: #ff8a70; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: break-word; }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.5rem; }
p { margin: 0.5rem 0; max-width: 44rem; white-space: pre-line; }
.subtitle { color: var(--soft); }
figure, .scroll { overflow-x: auto; margin: 1rem 0; }
figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; }
figure svg { display: block; width: 100%; max-width: 640px; min-width: 430px; height: auto; margin: 0 auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.45rem 0.75rem; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
.left { text-align: left; }
.right { text-align: right; }
td img { display: block; max-width: 320px; image-rendering: auto; border: 1px solid var(--line); }
td.wrap { white-space: pre-wrap; min-width: 9rem; overflow-wrap: anywhere; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.best { font-weight: 700; }
@media print { figure { break-inside: avoid; } }
`;
