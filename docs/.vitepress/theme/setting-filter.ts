/** A text field that hides the rows of a page's tables that do not contain its text, and the sections without rows left. */
import { defineComponent, h } from "vue";

function filterRows(text: string): void {
  const wanted = text.trim().toLowerCase();
  for (const table of document.querySelectorAll<HTMLTableElement>(".vp-doc h2 ~ table")) {
    const rows = [...table.querySelectorAll<HTMLElement>("tbody tr")];
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    table.hidden = rows.every(({ hidden }) => hidden);
    const heading = table.previousElementSibling;
    if (heading instanceof HTMLElement) heading.hidden = table.hidden;
  }
}

export const SettingFilter = defineComponent({
  render: () =>
    h("input", {
      class: "setting-filter",
      type: "search",
      placeholder: "Filter all settings",
      "aria-label": "Filter all settings",
      onInput: ({ target }: { target: HTMLInputElement }) => {
        filterRows(target.value);
      },
    }),
});
