/* What a page that is served has beside the one that is written: it fetches itself anew and shows what has changed, where the reader
 * is: tables that he has opened stay open, and what he has scrolled or focused stays so. While he selects text nothing changes. */
#include "cli/page.h"

const char tli_page_script[] =
    "\"use strict\";\n"
    "const seconds = Number(document.currentScript.dataset.seconds);\n"
    "const note = document.getElementById(\"live\");\n"
    "let shown = null; // ETag of what is on the screen\n"
    "const title = details => details?.firstElementChild.textContent;\n"
    "const name = part => [part.tagName, part.closest(\"figure, section\").querySelector(\"h2, "
    "h3\").textContent,\n"
    "    title(part.parentElement.closest(\"details\")), part.getAttribute(\"aria-label\") ?? "
    "title(part)].join(\"\\n\");\n"
    "const parts = () => new Map([...document.querySelectorAll(\"details, .scroll\")].map(part => "
    "[name(part), part]));\n"
    "const handle = part => part.matches(\"details\") ? part.firstElementChild : part;\n"
    "function show(text) {\n"
    "    const kept = [...parts()].map(([name, part]) => ({name, open: part.open, left: part.scrollLeft, "
    "top: part.scrollTop,\n"
    "        active: handle(part) === document.activeElement}));\n"
    "    const left = scrollX, top = scrollY;\n"
    "    document.querySelector(\"main\").replaceWith(new DOMParser().parseFromString(text, "
    "\"text/html\").querySelector(\"main\"));\n"
    "    const now = parts();\n"
    "    for (const was of kept) {\n"
    "        const part = now.get(was.name);\n"
    "        if (!part) continue;\n"
    "        if (part.matches(\"details\")) part.open = was.open;\n"
    "        part.scrollTo(was.left, was.top);\n"
    "        if (was.active) handle(part).focus({preventScroll: true});\n"
    "    }\n"
    "    scrollTo(left, top);\n"
    "}\n"
    "async function look() {\n"
    "    try {\n"
    "        const answer = await fetch(\"/\", {cache: \"no-cache\"});\n"
    "        const text = await answer.text(), tag = answer.headers.get(\"ETag\");\n"
    "        if (!answer.ok) throw new Error(text);\n"
    "        note.textContent = \"\";\n"
    "        if (tag !== shown && getSelection().isCollapsed) {\n"
    "            show(text);\n"
    "            shown = tag;\n"
    "        }\n"
    "    } catch (error) {\n"
    "        note.textContent = `This page is not refreshed any more: ${error.message}`;\n"
    "    }\n"
    "    setTimeout(look, 1000 * seconds);\n"
    "}\n"
    "setTimeout(look, 1000 * seconds);\n";

void tli_page_live_head(FILE *out)
{
    fprintf(out,
            "<script src=\"/" PAGE_SCRIPT_NAME "\" data-seconds=\"%d\" defer></script>\n"
            "<noscript><meta http-equiv=\"refresh\" content=\"%d\"></noscript>\n",
            PAGE_REFRESH_SECONDS, PAGE_REFRESH_SECONDS);
}
