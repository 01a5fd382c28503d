"""Plain words a person might type that captions may not use: the small vocabulary keeps a place for each."""

_TEXT = """
able about above abstract actor actress adult after afternoon again air all alone along also amazing ancient
angry animal apple architect around art artist attractive autumn baby back background bag bar baroque
beautiful behind below beside best big bike bird birthday blazer blouse blurry boat body bold book boots bow
boy bracelet bridge bright british business businessman businesswoman busy cafe cake calm candle cap captain
car card castle cat celebrity center ceo chair cheerful chef child chinese christmas church cinematic
classic close closeup cloud clouds coat coffee cold colorful colourful comic computer concert confident cool
corporate couch country cowboy crowd crown crying cute dancer dark day deep desert detailed detective
digital dinner director doctor dog dramatic dreamy drinking early earrings earth east easter eating eighties
elegant emperor engineer english epic european evening event ever every expression extremely eye face family
famous fancy fantasy farm fashion father female festival field film fire fireworks flower flowers flying
focus fog food football formal french friend friendly from full funny future galaxy gallery garden gentle
german girl gold golden good gorgeous grand grandfather grandmother grass great group guitar hand hands
handsome happy harbor hard headshot hero high hiking hill his historic holding holiday home horse hospital
hot hotel house human ice illustration image impressionist indian indoors inside interior into iron island
italian italy jacket japan japanese jeans jewelry job jumping jungle kid king kitchen knight lake lamp
landscape large late laughing lawyer leather left lens library light lighting like lips little living london
looking lovely low magazine magic makeup male mask master masterpiece medieval medium minimal mist model
modern morning mother movie museum music musician natural nature near necklace neon new nice nineties nose
ocean of off office old one open opera outdoor outdoors outside over paint paper park party path people
perfect person photograph photographer photography piano pilot pirate pixel plane plant playing poet police
pond pool pop pose posing poster president pretty prince princess professor profile queen quiet rain rainbow
rainy reading real realistic relaxed renaissance restaurant retro riding right river road robot rock roman
rome rose royal running sad sailor samurai sand scarf scene school science scientist sculpture sea self
selfie sepia sharp ship shop shot sign silver simple singer sitting sky sleeping small smart smile snow
snowy sofa soft soldier space spanish spring square stage standing star stars station stone street strong
student studio stylish summer sun sunglasses sunny sunrise sunset surprised sweater swimming table talking
tall teacher temple thinking three tiger tired to tokyo top town toy train travel tree trees tuxedo two ugly
uniform university up very vest victorian video view village vintage violin walking wall warm warrior water
wave wedding west wide wild wind window wine winter wise wizard wood wooden work working world writer year
yoga york young zoo
"""

EXTRA_WORDS = tuple(_TEXT.split())
