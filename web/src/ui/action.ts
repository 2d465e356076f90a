import { useKumoToastManager } from "@cloudflare/kumo/components/toast";
import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";
import { ApiError } from "../api/client";
import { renewed } from "../api/session";

/** How long a change can be undone by one click, in milliseconds. */
const undoTime = 10_000;

type Options<In, Out> = {
  run: (input: In) => Promise<Out>;
  /** Said when it worked. */
  done?: string | ((out: Out, input: In) => string);
  /** The change that takes it back; none where nothing can. */
  undo?: (out: Out, input: In) => (() => Promise<unknown>) | undefined;
  /** Keys of the queries that are old from then on. */
  stale?: QueryKey[];
  then?: (out: Out, input: In) => void;
  /** A form shows the error itself. */
  quiet?: boolean;
  /** Not tried again after signing in: it is the signing in itself, or the signing out. */
  once?: boolean;
};

/** Runs a change; where the session was over, once more after signing in again, so that nothing typed is lost. */
async function persistently<Out>(run: () => Promise<Out>): Promise<Out> {
  try {
    return await run();
  } catch (e) {
    if (await renewed(e)) return run();
    throw e;
  }
}

/** A change to the server: says how it went, offers to take it back, and reads again what it made old. */
export function useAction<In = void, Out = unknown>(o: Options<In, Out>) {
  const toast = useKumoToastManager();
  const client = useQueryClient();
  const refresh = () => Promise.all((o.stale ?? []).map((queryKey) => client.invalidateQueries({ queryKey })));
  const failed = (e: Error) => toast.add({ title: "That did not work", description: e.message, variant: "error" });

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
            persistently(undo)
              .then(refresh)
              .then(() => toast.add({ title: "Undone", variant: "success" }))
              .catch(failed);
          },
        },
      ],
    });
  };
  const mutation = useMutation<Out, Error, In>({
    mutationFn: (input) => (o.once ? o.run(input) : persistently(() => o.run(input))),
    onSuccess: async (out, input) => {
      const undo = o.undo?.(out, input);
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
