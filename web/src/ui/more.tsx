/** The first few of a list of names, and the others behind how many they are. */
export function FirstOf(props: { names: readonly string[]; most: number; /** What they are: "permissions". */ noun: string }) {
  const { names, most } = props;
  const rest = names.slice(most);
  const first = names.slice(0, most).join(", ");
  if (rest.length === 0) return first;
  return (
    <>
      {first}
      <details>
        <summary className="dim cursor-pointer" title={rest.join(", ")}>{`and ${rest.length.toLocaleString("en")} more ${props.noun}`}</summary>
        <span className="block">{rest.join(", ")}</span>
      </details>
    </>
  );
}
