import { Button } from "@cloudflare/kumo/components/button";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ChangePlan } from "../api/client";
import { useCollecting } from "../api/collect";
import { Loaded } from "../ui/page";
import { PlanView } from "./plan";

/**
 * What a change would do, where somebody asks: it is worked out as the change itself is, and nothing is done. It stands for the very
 * input that it was asked for; what is typed after that hides it. Where changes are collected there is none: the draft has its own.
 */
export function Preview(props: { zone: string; /** The input, as text. */ of: string; plan: () => Promise<ChangePlan>; label?: string; disabled?: boolean }) {
  const { of } = props;
  const [asked, setAsked] = useState<string | null>(null);
  const collecting = useCollecting(props.zone) !== null;
  const on = asked === of && !collecting;
  const plan = useQuery({ queryKey: ["preview", props.zone, of], enabled: on, gcTime: 0, retry: false, refetchOnWindowFocus: false, queryFn: props.plan });
  if (collecting) return null;
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <div>
        <Button type="button" size="sm" disabled={props.disabled} aria-expanded={on} loading={on && plan.isFetching} onClick={() => setAsked(on ? null : of)}>
          {on ? "Hide preview" : (props.label ?? "Preview")}
        </Button>
      </div>
      {on && (
        <div role="region" aria-label="What it would do" tabIndex={0} className="max-h-[50vh] overflow-y-auto rounded-md p-3 ring ring-kumo-hairline">
          <Loaded query={plan}>{(p) => <PlanView plan={p} />}</Loaded>
        </div>
      )}
    </div>
  );
}
