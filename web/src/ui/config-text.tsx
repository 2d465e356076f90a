import { Button } from "@cloudflare/kumo/components/button";
import { Tabs } from "@cloudflare/kumo/components/tabs";
import { useAction } from "./action";

/** A text to paste, for one of several programs. */
export function ConfigText<P extends string>(props: { programs: readonly P[]; program: P; onProgram: (p: P) => void; text: string }) {
  const copy = useAction({ done: "Copied", run: () => navigator.clipboard.writeText(props.text) });
  return (
    <>
      <Tabs variant="underline" className="mb-3" value={props.program} onValueChange={(v) => props.onProgram(v as P)} tabs={props.programs.map((p) => ({ value: p, label: p }))} />
      <pre tabIndex={0} aria-label={`Configuration for ${props.program}`} className="m-0 overflow-x-auto rounded-md bg-kumo-recessed p-3 text-xs text-kumo-default">
        {props.text}
      </pre>
      <div className="mt-3">
        <Button size="sm" onClick={() => copy.run()}>
          Copy configuration
        </Button>
      </div>
    </>
  );
}
