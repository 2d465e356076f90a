import { Button } from "@cloudflare/kumo/components/button";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { ConfirmDialog } from "../ui/dialogs";
import { Card } from "../ui/page";

/** Takes the zone away. */
export function RemoveCard({ zone, account }: { zone: Schema<"Zone">; account: string }) {
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const remove = useAction({
    quiet: true,
    done: "Zone removed",
    stale: [["zones"]],
    run: () => result(api.DELETE("/client/v4/zones/{zone_id}", { params: { path: { zone_id: zone.id } } })),
    then: () => void navigate({ to: "/$account/home", params: { account } }),
  });
  return (
    <Card title="Remove zone" description="The zone and its records are no longer answered or transferred.">
      <Button variant="destructive" onClick={() => setAsking(true)}>
        Remove zone
      </Button>
      <ConfirmDialog
        open={asking}
        title="Remove zone"
        text={`${zone.name} and all its records are gone at once.`}
        submit="Remove zone"
        busy={remove.busy}
        error={remove.error}
        onClose={() => setAsking(false)}
        onConfirm={remove.run}
      />
    </Card>
  );
}
