import { Button } from "@cloudflare/kumo/components/button";
import { api, result } from "../api/client";
import { useAction } from "../ui/action";

/** Raises a zone's serial past what a secondary, or an imported file, has: then secondaries follow again. */
export function RaiseSerial(props: { zone: string; atLeast: number; then?: () => void }) {
  const raise = useAction({
    done: "Serial raised",
    stale: [["secondaries", props.zone]],
    run: () =>
      result(
        api.POST("/headwater/v1/zones/{zone_id}/serial", {
          params: { path: { zone_id: props.zone } },
          body: { at_least: props.atLeast },
        }),
      ),
    then: props.then,
  });
  return (
    <Button size="sm" disabled={raise.busy} onClick={() => raise.run()}>
      {`Raise our serial to ${props.atLeast}`}
    </Button>
  );
}
