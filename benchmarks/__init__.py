"""How fast is Tallygate, beside what the machine at hand can do at all?"""
