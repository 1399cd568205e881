/** Heading of the column that selects rows. On a phone, it is a line of its own with a visible text. */
export function SelectAllHeading(props: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: () => void;
}) {
  const { label, checked, onChange } = props;
  return (
    <th scope="col" class="check">
      <label>
        <input type="checkbox" aria-label={label} checked={checked} onChange={onChange} />
        <span class="narrow" aria-hidden="true">
          {label}
        </span>
      </label>
    </th>
  );
}
