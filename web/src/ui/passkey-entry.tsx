import { Button } from "@cloudflare/kumo/components/button";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { enterByPasskey, passkeyTrouble } from "../api/passkey";
import { useAction } from "./action";
import { FormError } from "./dialogs";
import { waysQuery } from "./provider";

/** Signing in by a passkey, where the server has them: alone, or beside what has been shown before. */
export function PasskeyEntry(props: { label: string; beside?: Parameters<typeof enterByPasskey>[0]; onSignedIn: (session: Schema<"SessionAnd">) => void }) {
  const offered = useQuery(waysQuery).data?.passkey ?? false;
  const enter = useAction({ quiet: true, once: true, run: () => enterByPasskey(props.beside ?? {}), then: props.onSignedIn });
  if (!offered) return null;
  const trouble = passkeyTrouble();
  if (trouble !== null) return <p className="m-0 text-sm text-kumo-subtle">No passkeys here. {trouble}</p>;
  return (
    <div className="flex flex-col gap-3">
      <FormError error={enter.error} />
      <Button type="button" size="lg" className="w-full justify-center" loading={enter.busy} onClick={() => enter.run()}>
        {props.label}
      </Button>
    </div>
  );
}
