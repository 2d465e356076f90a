import { useState } from "react";
import type { Schema } from "../api/client";
import { roll, type Roll, type Signing } from "../api/dnssec";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { algorithmOf, algorithms, roles, whatFollows } from "./words";

/** What can be rolled in a zone with these keys. */
function kinds(signing: Signing): (readonly [string, string])[] {
  const held = signing.keys.filter((k) => k.state === "signing" && k.origin !== "foreign").map((k) => k.role);
  const present = (["zsk", "ksk", "csk"] as const).filter((r) => held.includes(r));
  return [...present.map((r) => [r, `The ${roles[r][0]} (${roles[r][1].toLowerCase()})`] as const), ["algorithm", "All keys, to another algorithm"] as const];
}

/** Replaces keys, and tells beforehand what follows. */
export function RollDialog({ zone, signing, onClose }: { zone: Schema<"Zone">; signing: Signing; onClose: () => void }) {
  const options = kinds(signing);
  const others = algorithms.filter(([n]) => Number(n) !== signing.algorithm);
  const [kind, setKind] = useState(options[0]![0]);
  const [algorithm, setAlgorithm] = useState(others[0]![0]);
  const wanted: Roll = kind === "algorithm" ? { algorithm: algorithmOf(algorithm) } : { role: kind as "zsk" };
  const start = useAction({ quiet: true, done: "The roll has begun", stale: [["dnssec", zone.id]], run: () => roll(zone.id, wanted), then: onClose });
  return (
    <FormDialog
      open
      onClose={onClose}
      title="Roll keys"
      description="New keys take the place of the present ones, step by step, while the zone validates all the time."
      submit="Start the roll"
      busy={start.busy}
      error={start.error}
      onSubmit={start.run}
    >
      <Choice label="What" value={kind} options={options} onChange={setKind} />
      {kind === "algorithm" && <Choice label="Algorithm" value={algorithm} options={others} onChange={setAlgorithm} />}
      <div>
        <p className="m-0 text-sm font-medium">What follows</p>
        <ol className="mt-1 mb-0 flex list-decimal flex-col gap-1 pl-5 text-sm">
          {whatFollows(wanted).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ol>
      </div>
    </FormDialog>
  );
}
