/** @file What an adapter throws when its library has no such function, as opposed to one that fails at it. */
export class Cannot extends Error {}
