import { signal } from "@preact/signals";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

/** Dialog that is open. */
const open = signal<VNode | null>(null);

export const hasDialog = () => open.value !== null;

export function openDialog(dialog: VNode): void {
  open.value = dialog;
}

/** Closes the open dialog, because the view behind it changes. */
export function closeOpenDialog(): void {
  open.value = null;
}

/** Shows the open dialog. */
export function DialogHost() {
  return open.value;
}

/** Modal dialog. It cannot be closed while `busy` is true. After it closes, the focus is where it was before. */
export function Dialog({
  title,
  busy = false,
  children,
}: {
  title: string;
  busy?: boolean;
  children: ComponentChildren;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onCancel={(event) => {
        if (busy) event.preventDefault();
      }}
      onClose={() => {
        open.value = null;
      }}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}

/** Closes the dialog that contains the target of an event. */
export function closeDialog({ currentTarget }: { currentTarget: EventTarget | null }): void {
  if (currentTarget instanceof Element) currentTarget.closest("dialog")?.close();
}
