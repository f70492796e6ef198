package io.flowinstance.bench;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import com.github.freva.asciitable.OverflowBehaviour;
import java.util.ArrayList;
import java.util.List;

/**
 * A table, for the terminal and for a page.
 *
 * @param caption one line, with the units
 * @param rightFrom the first column of figures
 * @param rows of as many cells as the head
 */
record Table(String caption, int rightFrom, List<String> head, List<List<String>> rows) {
  private static final int WIDEST = 200;

  String forTerminal() {
    List<ColumnData<List<String>>> columns = new ArrayList<>();
    for (int i = 0; i < head.size(); i++) {
      int column = i;
      columns.add(
          new Column()
              .header(head.get(i))
              .headerAlign(align(i))
              .dataAlign(align(i))
              .maxWidth(WIDEST, OverflowBehaviour.CLIP_RIGHT)
              .with(row -> row.get(column)));
    }
    return caption
        + "\n\n"
        + AsciiTable.builder()
            .border(AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS_NO_OUTSIDE_BORDER)
            .data(rows, columns)
            .asString();
  }

  String asMarkdown() {
    StringBuilder markdown = new StringBuilder(caption).append("\n\n");
    line(head, markdown);
    for (int i = 0; i < head.size(); i++) {
      markdown.append(i < rightFrom ? "|---" : "|--:");
    }
    markdown.append("|\n");
    rows.forEach(row -> line(row, markdown));
    return markdown.toString();
  }

  private static void line(List<String> cells, StringBuilder markdown) {
    cells.forEach(cell -> markdown.append("| ").append(cell.replace("|", "\\|")).append(' '));
    markdown.append("|\n");
  }

  private HorizontalAlign align(int column) {
    return column < rightFrom ? HorizontalAlign.LEFT : HorizontalAlign.RIGHT;
  }
}
