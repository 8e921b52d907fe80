# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of a report: sorts and filters its tables. Without it all is there, in the order of the report.

No template engine may find anything in it, so no brace stands before another one.
"""

from __future__ import annotations

SCRIPT = """
"use strict";
document.querySelectorAll(".controls").forEach(function (box) { box.hidden = false; });
function valueOf(row, column, number) {
  var cell = row.cells[column];
  if (!cell) { return number ? -Infinity : ""; }
  var text = cell.hasAttribute("data-v") ? cell.getAttribute("data-v") : cell.textContent;
  return number ? parseFloat(text) : text.trim().toLowerCase();
}
document.querySelectorAll("table.sortable").forEach(function (table) {
  var body = table.tBodies[0];
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  heads.forEach(function (head, column) {
    var kind = head.getAttribute("data-kind");
    if (!kind) { return; }
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) { button.appendChild(head.firstChild); }
    head.appendChild(button);
    button.addEventListener("click", function () {
      var up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      var rows = Array.prototype.slice.call(body.rows);
      var keyed = rows.map(function (row, place) { return [valueOf(row, column, kind === "number"), place, row]; });
      keyed.sort(function (a, b) {
        var order = a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
        return (up ? order : -order) || a[1] - b[1];
      });
      var all = document.createDocumentFragment();
      keyed.forEach(function (one) { all.appendChild(one[2]); });
      body.appendChild(all);
    });
  });
});
document.querySelectorAll("input[data-table]").forEach(function (input) {
  var key = input.getAttribute("data-table");
  var rows = Array.prototype.slice.call(document.getElementById(key).tBodies[0].rows);
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  var count = document.querySelector("output[data-count='" + key + "']");
  var apply = function () {
    var words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
    var shown = 0;
    rows.forEach(function (row, place) {
      var fits = words.every(function (word) { return texts[place].indexOf(word) >= 0; });
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    count.textContent = words.length ? shown + " of " + rows.length + " shown" : rows.length + " rows";
  };
  var timer = null;
  input.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(apply, 80); });
  apply();
});
"""
