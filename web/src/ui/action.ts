import { useKumoToastManager } from "@cloudflare/kumo/components/toast";
import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";
import { ApiError, Planned, requestOf } from "../api/client";
import { leadToDraft } from "../api/collect";
import { takeBack } from "../api/history";
import { renewed } from "../api/session";

/** How long a change can be undone by one click, in milliseconds. */
const undoTime = 10_000;

/** The zone is changed by approved drafts alone. */
const fourEyes = 13110;

type Options<In, Out> = {
  run: (input: In) => Promise<Out>;
  /** Said when it worked. */
  done?: string | ((out: Out, input: In) => string);
  /** The zone in whose history the change stands: Undo takes it out again. run has to give the answer itself. */
  undoIn?: string;
  /** The change that takes it back, of what no zone's history knows; none where nothing can. */
  undo?: (out: Out, input: In) => (() => Promise<unknown>) | undefined;
  /** Keys of the queries that are old from then on. */
  stale?: QueryKey[];
  then?: (out: Out, input: In) => void;
  /** The change went into a draft. Where nothing is said, then is called if it does not ask for the answer: a form is closed in either case. */
  collected?: () => void;
  /** A form shows the error itself. */
  quiet?: boolean;
  /** Not tried again after signing in: it is the signing in itself, or the signing out. */
  once?: boolean;
  /** It is about drafts themselves, or cannot go into one: who is refused for four eyes is not led there. */
  direct?: boolean;
};

/** Runs a change; where the session was over, once more after signing in again, so that nothing typed is lost; where it wants four eyes, into a draft. */
async function persistently<Out>(run: () => Promise<Out>, direct: boolean): Promise<Out> {
  try {
    return await run();
  } catch (e) {
    if (await renewed(e)) return persistently(run, direct);
    if (!direct && e instanceof ApiError && e.has(fourEyes) && (await leadToDraft())) return run();
    throw e;
  }
}

/** The same, with what went into a draft as an outcome rather than an error. */
const orPlanned = <Out>(pending: Promise<Out>): Promise<Out | Planned> =>
  pending.catch((e: unknown) => {
    if (e instanceof Planned) return e;
    throw e;
  });

/** A change to the server: says how it went, offers to take it back, and reads again what it made old. */
export function useAction<In = void, Out = unknown>(o: Options<In, Out>) {
  const toast = useKumoToastManager();
  const client = useQueryClient();
  const refresh = () => Promise.all((o.stale ?? []).map((queryKey) => client.invalidateQueries({ queryKey })));
  const failed = (e: Error) => toast.add({ title: e.message, variant: "error" });

  const offer = (title: string, undo: () => Promise<unknown>) => {
    const id: string = toast.add({
      title,
      variant: "success",
      timeout: undoTime,
      actions: [
        {
          children: "Undo",
          size: "sm",
          onClick: () => {
            toast.close(id);
            persistently(undo, true)
              .then(refresh)
              .then(() => toast.add({ title: "Undone", variant: "success" }))
              .catch(failed);
          },
        },
      ],
    });
  };
  /** What takes a change back. */
  const wayBack = (out: Out, input: In) => {
    const [zone, request] = [o.undoIn, requestOf(out)];
    if (zone === undefined || request === undefined) return o.undo?.(out, input);
    return () => takeBack(zone, request);
  };
  const collected = () => {
    toast.add({ title: "Put into the draft", description: "Nothing is changed yet.", variant: "success" });
    void client.invalidateQueries({ queryKey: ["drafts"] });
    if (o.collected) o.collected();
    else if (o.then?.length === 0) (o.then as () => void)();
  };
  const mutation = useMutation<Out | Planned, Error, In>({
    mutationFn: (input) => orPlanned(o.once ? o.run(input) : persistently(() => o.run(input), o.direct ?? false)),
    onSuccess: async (out, input) => {
      if (out instanceof Planned) return collected();
      const undo = wayBack(out, input);
      const title = typeof o.done === "function" ? o.done(out, input) : o.done;
      if (undo) offer(title ?? "Done", undo);
      else if (title !== undefined) toast.add({ title, variant: "success" });
      await refresh();
      o.then?.(out, input);
    },
    onError: (e) => {
      if (!o.quiet) failed(e);
    },
  });
  const at = (pointer: string) => (mutation.error instanceof ApiError ? mutation.error.at(pointer) : undefined);
  return { run: mutation.mutate, busy: mutation.isPending, error: mutation.error, at, reset: mutation.reset, input: mutation.variables };
}
