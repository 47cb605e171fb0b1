// Baskets: named and coloured sets of particles, one of them active. A basket is never changed: another
// object takes its position, so that the history can keep the earlier one.

import { nextBasketColour } from "./basket_colours.js";
import {
  areSameMembers, combinedMembers, countMembers, invertedMembers, noMembers, packedMembers, unpackedMembers,
} from "./members.js";

const SIGNS = { union: "and", intersection: "in both", difference: "without" };
const MAXIMUM_NAME = 60; // characters
const FIRST_ID = "first"; // of the basket with which every tab starts, so that it is one for all

export class Baskets {
  constructor(nParticles) {
    this.nParticles = nParticles;
    this.byId = new Map();
    this.activeId = null;
    this.add({ id: FIRST_ID });
  }

  /** In the order in which they were made. */
  list() {
    return [...this.byId.values()].sort((one, other) =>
      one.position - other.position || (one.id < other.id ? -1 : 1));
  }

  get active() {
    return this.byId.get(this.activeId);
  }

  /** A new basket, active from now on. */
  add(given = {}) {
    const empty = { name: this.freeName("basket"), members: noMembers(this.nParticles) };
    const { name, members, id: givenId } = { ...empty, ...given };
    const all = this.list();
    const colour = nextBasketColour(all.map((basket) => basket.colour));
    const position = all.length ? all[all.length - 1].position + 1 : 1;
    const id = givenId ?? Math.random().toString(36).slice(2, 10) + position;
    this.put({ id, name, colour, position, members });
    this.activeId = id;
    return this.active;
  }

  /** Take a basket as it is, in the position of the one with its id. */
  put(basket) {
    this.byId.set(basket.id, { ...basket, count: countMembers(basket.members) });
  }

  /** There is always a basket, and an active one. */
  remove(id) {
    const all = this.list();
    const index = all.findIndex((basket) => basket.id === id);
    this.byId.delete(id);
    if (!this.byId.size) this.add();
    else if (this.activeId === id) this.activeId = (all[index + 1] ?? all[index - 1]).id;
  }

  activate(id) {
    if (this.byId.has(id)) this.activeId = id;
    if (!this.active) this.activeId = this.list()[0].id;
  }

  rename(id, text) {
    const name = text.trim().slice(0, MAXIMUM_NAME);
    if (!name) throw new Error("Give the basket a name of one letter or more.");
    const other = this.list().find((basket) => basket.name === name && basket.id !== id);
    if (other) throw new Error(`There is a basket ${name} already; give this one another name.`);
    this.put({ ...this.byId.get(id), name });
  }

  setMembers(id, members) {
    const basket = this.byId.get(id);
    if (!areSameMembers(basket.members, members)) this.put({ ...basket, members });
  }

  invert(id) {
    this.setMembers(id, invertedMembers(this.byId.get(id).members, this.nParticles));
  }

  duplicate(id) {
    const { name, members } = this.byId.get(id);
    return this.add({ name: this.freeName(`${name.slice(0, 50)} copy`), members });
  }

  /** A new basket of two. operation: union, intersection or difference. */
  combine(operation, id, otherId) {
    const [one, other] = [this.byId.get(id), this.byId.get(otherId)];
    const name = `${one.name.slice(0, 22)} ${SIGNS[operation]} ${other.name.slice(0, 22)}`;
    const members = combinedMembers(operation, one.members, other.members);
    return this.add({ name: this.isFree(name) ? name : this.freeName(name), members });
  }

  isFree(name) {
    return this.list().every((basket) => basket.name !== name);
  }

  freeName(stem) {
    let number = this.byId.size + 1;
    while (!this.isFree(`${stem} ${number}`)) number++;
    return `${stem} ${number}`;
  }
}

/** A basket as it is kept by the server and in sessions. */
export function packedBasket({ name, colour, position, members }) {
  return { name, colour, position, members: packedMembers(members) };
}

export function unpackedBasket(id, { name, colour, position, members }, nParticles) {
  return { id, name, colour, position, members: unpackedMembers(members, nParticles) };
}
