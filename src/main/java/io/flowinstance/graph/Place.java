package io.flowinstance.graph;

/**
 * The place of an object in a FlowInstance, spelled as a JSON pointer only when a sentence needs
 * it.
 *
 * @param index the place in the array, or -1 if it stands in none
 */
record Place(String pointer, int index) {
  static final Place ROOT = new Place("");

  Place(String pointer) {
    this(pointer, -1);
  }

  @Override
  public String toString() {
    return index < 0 ? pointer : pointer + "/" + index;
  }
}
