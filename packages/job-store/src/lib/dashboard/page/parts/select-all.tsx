/** Heading of the column that selects rows. On a phone, it is a line of its own with a visible text. */
export function SelectAll({ checked, onChange }: { checked: boolean; onChange: () => void }) {
  return (
    <th scope="col" class="check">
      <label>
        <input type="checkbox" aria-label="Select all rows of this page" checked={checked} onChange={onChange} />
        <span class="narrow" aria-hidden="true">
          Select all rows of this page
        </span>
      </label>
    </th>
  );
}
