declare module "cluster-key-slot" {
  /** The slot, 0 to 16383, of a key, its hash tag respected. */
  export default function calculateSlot(key: string): number;
}
