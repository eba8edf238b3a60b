# SPDX-License-Identifier: GPL-2.0 OR MIT
"""The kernel-doc directive: comments of the source become parts of a page.

The packaged kernel headers do not bring the kernel's own kernel-doc, so this
understands as much of its language as this tree uses:

    .. kernel-doc:: FILE
       :doc: TITLE          the block "DOC: TITLE" of FILE

    .. kernel-doc:: FILE
       :internal:           all its functions, structures and enums

A parameter, a member or an enumerator without a description is a warning, and
so is a block that does not exist.
"""

import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from sphinx.util.nodes import nested_parse_with_titles

TOP = Path(__file__).resolve().parents[2]

COMMENT = re.compile(r'^/\*\*\n(?P<body>.*?)\*/\n(?P<code>.*?)(?=^/\*\*|\Z)', re.M | re.S)
INLINE = re.compile(r'/\*\*[\s*]*@(?P<name>[\w.]+):(?P<text>.*?)\*/\s*(?P<code>[^;{]*)', re.S)
MEMBER = re.compile(r'^@([\w.]+):\s*(.*)')
SECTION = re.compile(r'^(Return|Context|Note):\s*(.*)')
MARKUP = re.compile(
    r'(?P<literal>``.*?``)'
    r'|[@%&](?:(?:struct|enum|union)\s+)?(?P<marked>-?\w[\w.]*\w|\w)(?P<call>\(\))?'
    r'|\b(?P<function>\w+\(\))'
    r'|\b(?P<pattern>\w+_\*)')


def markup(text):
    """@parameter, %CONSTANT, &struct, function() and PREFIX_* become literals."""
    def literal(match):
        if match['literal']:
            return match['literal']
        name = match['marked'] or match['function'] or match['pattern']
        return f'``{name}{match["call"] or ""}``'
    return MARKUP.sub(literal, text)


def without_stars(comment):
    """The text of a comment, its lines as they were."""
    return [re.sub(r'^\s*\*? ?', '', line).rstrip() for line in comment.split('\n')]


def without_comments(code):
    return re.sub(r'/\*.*?\*/', '', code, flags=re.S)


def paragraphs(text):
    """Lines with markup, apart from those of literal blocks."""
    result, literal = [], False
    for line in text:
        if line and not line[0].isspace():
            literal = False
        result.append(line if literal else markup(line))
        literal = literal or line.endswith('::')
    return result


def flow(text):
    """Lines that continue each other, whatever their indentation."""
    return [markup(line.strip()) for line in text]


class Comment:
    """A kernel-doc comment and the code behind it."""

    def __init__(self, body, code, line):
        self.code, self.line = code, line
        text = without_stars(body)
        self.title, self.brief = self.split_title(text[0])
        self.text, self.members, self.sections = [], {}, {}
        self.read(text[1:])

    @staticmethod
    def split_title(line):
        if line.startswith('DOC:'):
            return line, ''
        name, _, brief = line.partition(' - ')
        return name.strip(), brief.strip()

    def read(self, lines):
        target = self.text
        for line in lines:
            if self.title.startswith('DOC:'):
                target.append(line)
                continue
            if match := MEMBER.match(line):
                target = self.members.setdefault(match[1], [match[2]])
            elif match := SECTION.match(line):
                target = self.sections.setdefault(match[1], [match[2]])
            elif not line and target is not self.text and not self.sections:
                target = self.text      # a blank line ends the list of members
            else:
                target.append(line)

    def aggregate(self):
        return re.match(r'(struct|enum|union)\s+(\w+)$', self.title)

    def body(self):
        """What is between the braces of a structure or an enum."""
        match = re.search(r'\{(.*?)^\}', self.code, re.M | re.S)
        return match[1] if match else ''

    def prototype(self):
        code = re.split(r'[;{]', without_comments(self.code), maxsplit=1)[0]
        return re.sub(r'\s+', ' ', code).replace('static inline ', '').strip()

    def parameters(self):
        """The parameters' names and declarations."""
        inside = re.search(r'\((.*)\)', self.prototype())
        found = {}
        for part in re.split(r',(?![^()]*\))', inside[1] if inside else ''):
            pointer = re.search(r'\(\*(\w+)\)', part)
            name = pointer or re.search(r'(\w+)(?:\[\w*\])*\s*$', part)
            if name and part.strip() != 'void':
                found[name[1]] = part.strip()
        return found

    def fields(self):
        """The declared names of a structure's members, or of enumerators."""
        body = without_comments(self.body())
        if self.title.startswith('enum'):
            return re.findall(r'^\s*(\w+)', re.sub(r'^\s*#.*$', '', body, flags=re.M), re.M)
        body = re.sub(r'^\s*#.*$', '', body, flags=re.M)
        return re.findall(r'(\w+)(?:\[[^\]]*\])*\s*(?::\s*\d+\s*)?;', body) + \
            re.findall(r'\(\*(\w+)\)', body)

    def declared(self, name):
        """The declaration of a member that is described above its structure."""
        match = re.search(r'^\s*([^;{}]*\b' + re.escape(name) + r'\b[^;{}]*);',
                          without_comments(self.body()), re.M)
        return match[1] if match else name

    def undocumented(self):
        if self.aggregate():
            known = {name.rsplit('.')[-1] for name in self.members}
            known |= {m['name'].rsplit('.')[-1] for m in INLINE.finditer(self.body())}
            return [name for name in self.fields() if name not in known]
        return [name for name in self.parameters() if name not in self.members]


def term(declaration, text):
    """An item of a definition list."""
    declaration = re.sub(r'\s+', ' ', declaration).strip()
    return [f'``{declaration}``', *('   ' + line for line in flow(text)), '']


def describe(comment):
    """The reStructuredText of a function, a structure or an enum."""
    aggregate = comment.aggregate()
    if aggregate:
        head = f'.. c:{aggregate[1]}:: {aggregate[2]}'
        members = {name: (name if aggregate[1] == 'enum' else comment.declared(name), text)
                   for name, text in comment.members.items()}
        for match in INLINE.finditer(comment.body()):
            members[match['name']] = (match['code'], without_stars(match['text']))
    else:
        head = f'.. c:function:: {comment.prototype()}'
        declared = comment.parameters()
        members = {name: (declared.get(name, name), text)
                   for name, text in comment.members.items()}

    content = [markup(comment.brief[:1].upper() + comment.brief[1:]).rstrip('.') + '.', '',
               *paragraphs(comment.text), '']
    for declaration, text in members.values():
        content += term(declaration, text)
    for name, text in comment.sections.items():
        content += ['', f'**{name}:**', *flow(text), '']
    return [head, '', *('   ' + line for line in content), '']


class KernelDoc(Directive):
    """The directive."""
    required_arguments = 1
    option_spec = {'doc': directives.unchanged_required, 'internal': directives.flag}

    def comments(self):
        path = TOP / self.arguments[0]
        env = self.state.document.settings.env
        env.note_dependency(str(path))
        env.note_dependency(__file__)
        text = path.read_text(encoding='utf-8')
        for match in COMMENT.finditer(text):
            line = text.count('\n', 0, match.start()) + 1
            yield Comment(match['body'], match['code'], line)

    def wanted(self):
        if title := self.options.get('doc'):
            return [c for c in self.comments() if c.title == f'DOC: {title}']
        return [c for c in self.comments() if not c.title.startswith('DOC:')]

    def block(self, comment):
        """A DOC block is a section of its own, unless the page has one of that name."""
        title = self.options['doc']
        parent = self.state.parent
        if isinstance(parent, nodes.section) and parent[0].astext() == title:
            return paragraphs(comment.text)
        return [title, '=' * len(title), '', *paragraphs(comment.text)]

    def run(self):
        found = self.wanted()
        messages = []
        if not found:
            messages.append(f'nothing found in {self.arguments[0]}')
        lines = StringList()
        for comment in found:
            is_doc = comment.title.startswith('DOC:')
            if not is_doc:
                messages += [f'{self.arguments[0]}:{comment.line}: {comment.title}: '
                             f'{name} is not described' for name in comment.undocumented()]
            for line in self.block(comment) if is_doc else describe(comment):
                lines.append(line, self.arguments[0], comment.line)
        node = nodes.section()
        nested_parse_with_titles(self.state, lines, node)
        return [self.state.document.reporter.warning(m, line=self.lineno)
                for m in messages] + node.children


def setup(app):
    app.add_directive('kernel-doc', KernelDoc)
    return {'parallel_read_safe': True}
