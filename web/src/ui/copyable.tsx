import { Button } from "@cloudflare/kumo/components/button";
import { CopyIcon } from "@phosphor-icons/react";
import { useState } from "react";
import { useAction } from "./action";

/** A text of more characters is a hash, a key or a command: on a phone it would fill the screen. */
const long = 64;

/** A text that is copied rather than read: on a phone it takes a line until all of it is wanted. */
function Long({ label, value }: { label: string; value: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <span className={`min-w-0 flex-1 font-mono text-sm break-all ${open ? "" : "max-md:truncate"}`}>{value}</span>
      <Button className="md:hidden" type="button" size="sm" variant="ghost" aria-expanded={open} aria-label={`${open ? "Less" : "All"} of ${label}`} onClick={() => setOpen(!open)}>
        {open ? "Less" : "All"}
      </Button>
    </>
  );
}

/** Texts that are carried elsewhere, each with its name and a button that copies it. */
export function Copyables(props: { items: readonly (readonly [label: string, value: string])[] }) {
  const copy = useAction({ done: (_, [label]: readonly [string, string]) => `${label} copied`, run: ([, value]) => navigator.clipboard.writeText(value) });
  return (
    <dl className="m-0 flex flex-col">
      {props.items.map(([label, value]) => (
        <div key={label} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-kumo-hairline py-1.5 last:border-0">
          <dt className="w-32 shrink-0 text-sm text-kumo-subtle">{label}</dt>
          <dd className="m-0 flex min-w-0 flex-1 basis-52 items-center justify-between gap-3">
            {value.length > long ? <Long label={label} value={value} /> : <span className="min-w-0 font-mono text-sm break-all">{value}</span>}
            <Button size="sm" shape="square" variant="ghost" icon={CopyIcon} aria-label={`Copy ${label}`} onClick={() => copy.run([label, value])} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
