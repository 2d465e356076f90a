import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { DownloadLink } from "../ui/download";
import { Card } from "../ui/page";

/** Takes the zone away. */
export function RemoveCard({ zone, account }: { zone: Schema<"Zone">; account: string }) {
  const [asking, setAsking] = useState(false);
  const [typed, setTyped] = useState("");
  const navigate = useNavigate();
  const client = useQueryClient();
  const remove = useAction({
    quiet: true,
    done: "Zone removed",
    stale: [["zones"]],
    run: () => result(api.DELETE("/client/v4/zones/{zone_id}", { params: { path: { zone_id: zone.id } } })),
    then: () => {
      void navigate({ to: "/$account/home", params: { account } });
      client.removeQueries({ queryKey: ["zone", account, zone.name] }); // or Back would show what is gone
    },
  });
  return (
    <Card title="Remove zone" description="The zone and its records are no longer answered or transferred.">
      <Button variant="destructive" onClick={() => setAsking(true)}>
        Remove zone
      </Button>
      <FormDialog
        open={asking}
        title="Remove zone"
        description={`${zone.name} and all its records are gone at once, here and, when they notice, at its secondaries.`}
        submit="Remove zone"
        destructive
        busy={remove.busy}
        error={remove.error}
        disabled={typed.trim().toLowerCase() !== zone.name.toLowerCase()}
        onClose={() => setAsking(false)}
        onSubmit={remove.run}
      >
        <DownloadLink href={`/client/v4/zones/${zone.id}/dns_records/export`} name={`${zone.name}.txt`}>
          Export its records first
        </DownloadLink>
        <Input label={`Type ${zone.name} to remove it`} autoComplete="off" value={typed} onChange={(e) => setTyped(e.target.value)} />
      </FormDialog>
    </Card>
  );
}
