import { Button } from "@cloudflare/kumo/components/button";
import { ClipboardText } from "@cloudflare/kumo/components/clipboard-text";

/** Recovery codes, shown once. */
export function RecoveryCodes(props: { codes: string[]; onDone: () => void }) {
  return (
    <div role="status" className="flex flex-col gap-2">
      <p className="m-0 text-sm">Your recovery codes. Each signs you in once when you have lost authenticator and passkeys. They are shown once: keep them apart from those. Earlier ones open nothing any more.</p>
      <ul className="m-0 grid list-none grid-cols-1 gap-1 p-0 font-mono text-sm sm:grid-cols-2">
        {props.codes.map((c) => (
          <li key={c}>{c}</li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-2">
        <ClipboardText text={props.codes.join("\n")} labels={{ copyAction: "Copy recovery codes" }} />
        <Button size="sm" onClick={props.onDone}>
          I have kept them
        </Button>
      </div>
    </div>
  );
}
