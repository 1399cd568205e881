import { SelectAllHeading } from "./select-all.js";

interface Props {
  /** Ids of the rows that are selected. */
  readonly selected: { value: ReadonlySet<string> };
  /** Name of the checkbox. */
  readonly label: string;
}

/** Heading that selects all rows, or none. */
export function SelectAll({ ids, selected, label }: Props & { readonly ids: readonly string[] }) {
  const all = ids.every((id) => selected.value.has(id));
  return (
    <SelectAllHeading
      label={label}
      checked={all}
      onChange={() => {
        selected.value = new Set(all ? [] : ids);
      }}
    />
  );
}

/** Cell that selects a row. */
export function SelectRow({ id, selected, label }: Props & { readonly id: string }) {
  return (
    <td class="check">
      <input
        type="checkbox"
        aria-label={label}
        checked={selected.value.has(id)}
        onChange={() => {
          const next = new Set(selected.value);
          if (!next.delete(id)) next.add(id);
          selected.value = next;
        }}
      />
    </td>
  );
}
