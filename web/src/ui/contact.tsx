import { Button } from "@cloudflare/kumo/components/button";
import { WarningIcon } from "@phosphor-icons/react";
import { lookNow, useLost } from "../api/contact";
import { clock } from "./format";

/** Says that the server does not answer, and since when what is shown is old. */
export function ContactBanner() {
  const lost = useLost();
  return (
    <div role="status" aria-live="assertive">
      {lost && (
        <div className="flex flex-wrap items-center gap-3 border-b border-kumo-hairline bg-kumo-base px-4 py-2 text-sm text-kumo-default">
          <WarningIcon className="size-5 shrink-0 text-kumo-danger" weight="fill" aria-hidden />
          <span className="min-w-0 flex-1">
            <strong>{`No contact with Headwater since ${clock(lost)}.`}</strong> What you see is of then.
          </span>
          <Button size="sm" onClick={lookNow}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}
