import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import { api, result, type Schema } from "../api/client";
import { reviewQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { counted } from "../ui/format";
import { Loaded } from "../ui/page";
import { Notice } from "../ui/notice";

type Review = Schema<"TransferReview">;
type Finding = Review["findings"][number];

const severities = { info: ["info", "Info"], warning: ["warning", "Warning"], critical: ["error", "Critical"] } as const;

/** Shows what secondaries will hold that we do not answer, before transfers are switched on. */
export function ReviewDialog({ zone, onClose }: { zone: Schema<"Zone">; onClose: () => void }) {
  const review = useQuery(reviewQuery(zone.id));
  const enable = useAction({
    quiet: true,
    done: "Outgoing zone transfers are enabled",
    stale: [["outgoing-status", zone.id], ["secondaries", zone.id], ["outgoing", zone.id]],
    run: () =>
      result(
        api.POST("/client/v4/zones/{zone_id}/secondary_dns/outgoing/enable", { params: { path: { zone_id: zone.id } }, body: {} }),
      ),
    then: onClose,
  });
  return (
    <FormDialog
      open
      size="xl"
      onClose={onClose}
      title="Review before transfers"
      description="Linked peers get a NOTIFY at once and may then transfer the zone."
      submit="Enable outgoing zone transfers"
      busy={enable.busy}
      error={enable.error}
      disabled={review.data === undefined || (review.data?.blocking ?? false)}
      onSubmit={enable.run}
    >
      <Loaded query={review}>{(r) => <Findings review={r} onLeave={onClose} />}</Loaded>
    </FormDialog>
  );
}

function Findings({ review, onLeave }: { review: Review | null; onLeave: () => void }) {
  if (review === null) {
    return <Notice variant="alert" description="This server cannot compare answers and transfers; check proxied records and a CNAME at the apex yourself." />;
  }
  if (review.findings.length === 0) {
    return <Notice description="Secondaries will answer just as we do." />;
  }
  return (
    <>
      {review.blocking && <Notice variant="error" description="This account is strict: what is critical must be mended first." />}
      <p className="m-0 text-sm text-kumo-subtle">{`${counted(review.total, "finding")}:`}</p>
      <ul className="m-0 flex max-h-96 list-none flex-col gap-4 overflow-y-auto p-0" tabIndex={0} aria-label="Findings">
        {review.findings.map((f, i) => (
          <FindingItem key={i} finding={f} onLeave={onLeave} />
        ))}
      </ul>
    </>
  );
}

/** Where on the settings page a finding is mended. */
const settings: Record<string, string> = { "Transfer mode": "transfer-mode", "Multi-provider": "multi-provider" };

/** Brings a setting into view and the keyboard to it, once the dialog is closed. */
function show(id: string): void {
  requestAnimationFrame(() => {
    const at = document.getElementById(id);
    at?.scrollIntoView({ block: "center" });
    at?.querySelector<HTMLElement>("button, input, [role=combobox], [role=switch]")?.focus();
  });
}

function FindingItem({ finding: f, onLeave }: { finding: Finding; onLeave: () => void }) {
  const [variant, label] = severities[f.severity];
  const fix = f.fix?.path.startsWith("/") ? f.fix : undefined;
  const setting = fix && settings[fix.label];
  return (
    <li className="text-sm">
      <span className="flex flex-wrap items-center gap-2">
        <Badge variant={variant}>{label}</Badge>
        <span className="font-medium break-all">{`${f.type} ${f.name}`}</span>
      </span>
      <p className="my-1">{f.message}</p>
      <p className="m-0 font-mono text-xs break-all text-kumo-subtle">{`We answer: ${f.served.join(", ") || "nothing"}`}</p>
      <p className="m-0 font-mono text-xs break-all text-kumo-subtle">{`Transferred: ${f.transferred.join(", ") || "nothing"}`}</p>
      {fix && setting !== undefined && (
        <Button
          size="sm"
          type="button"
          onClick={() => {
            onLeave();
            show(setting);
          }}
        >
          {fix.label}
        </Button>
      )}
      {fix && setting === undefined && <Link href={`${fix.path}?search=${encodeURIComponent(f.name)}`}>{fix.label}</Link>}
    </li>
  );
}
