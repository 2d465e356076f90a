import { Button } from "@cloudflare/kumo/components/button";

/** One field of what two have changed; undefined where one of them has not. */
export type Side = { field: string; mine: unknown; theirs: unknown };

const shown = (value: unknown): string => {
  if (value === undefined) return "not changed";
  if (value === null || value === "") return "nothing";
  if (Array.isArray(value)) return value.join(", ") || "nothing";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

/** The members in which two edits of one thing differ from what both began with. */
export function sidesOf(mine: Record<string, unknown>, theirs: Record<string, unknown>, words: Record<string, string>): Side[] {
  return [...new Set([...Object.keys(mine), ...Object.keys(theirs)])].map((f) => ({ field: words[f] ?? f, mine: mine[f], theirs: theirs[f] }));
}

/** Shows what somebody else has saved meanwhile beside what was typed, and lets one choose. */
export function TwoStates(props: { /** What it is: record, … */ noun: string; sides: Side[]; onMine: () => void; onTheirs: () => void }) {
  return (
    <div role="alert" className="rounded-lg border border-kumo-line p-4 text-sm">
      <p className="mt-0 mb-3 font-medium">{`Somebody else has changed this ${props.noun} since you opened it.`}</p>
      <table className="w-full text-left">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Yours</th>
            <th scope="col">Theirs</th>
          </tr>
        </thead>
        <tbody>
          {props.sides.map((s) => (
            <tr key={s.field}>
              <th scope="row" className="font-normal text-kumo-subtle">
                {s.field}
              </th>
              <td className="break-all">{shown(s.mine)}</td>
              <td className="break-all">{shown(s.theirs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="my-3 text-kumo-subtle">Saving yours changes only what you changed; the rest stays as they have it.</p>
      <div className="flex flex-wrap gap-2">
        <Button size="sm" type="button" onClick={props.onMine}>
          Save mine
        </Button>
        <Button size="sm" type="button" onClick={props.onTheirs}>
          Take theirs
        </Button>
      </div>
    </div>
  );
}
